"""Program + model → crystals, batch by batch. The same code samples both arms; only the loss
differs. A program that pushes nothing (``k = 0``, or no term that steers) has two plain arms.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import torch
from pymatgen.core import Lattice, Structure
from torch import Tensor

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.crystals.given import amounts, check_given, given_structure, sizes_with_host
from scoutlang.crystals.specimen import Specimen
from scoutlang.evaluation.loss import Loss, compile_loss
from scoutlang.ir import Arm, Guide, Program
from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.ir.space_groups import Occupation, Occupations
from scoutlang.sampling.adaptive import Adaptive
from scoutlang.sampling.mattergen.batches import conditions
from scoutlang.sampling.mattergen.checkpoint import Model
from scoutlang.sampling.mattergen.given import Given, Origin
from scoutlang.sampling.mattergen.sampler import Loop, Sampler
from scoutlang.sampling.noise import structure_seed
from scoutlang.sampling.paper import Paper
from scoutlang.sampling.progress import Progress
from scoutlang.support.errors import ScoutError


def check_model(program: Program, model: Model) -> None:
    """Refuse what the model cannot do. Raises ScoutError E520 (element it does not know), E521
    (numbers of atoms it does not know).
    """
    unknown = [e for e in program.system if model.elements is not None and e not in model.elements]
    if unknown:
        raise ScoutError(
            "E520",
            f"the model '{model.name}' was not trained on {', '.join(unknown)}",
            "choose another model or another system",
        )
    check_given(program, model.name, model.max_atoms)
    if not _sizes(program, model):
        asked = (
            "the formula"
            if program.atoms is None
            else f"atoms in [{program.atoms.low}, {program.atoms.high}]"
        )
        raise ScoutError(
            "E521",
            f"{asked} is outside what the model '{model.name}' can make",
            f"it makes cells of 1 to {model.max_atoms} atoms",
        )


def guided_by(
    guide: Guide, loss: Loss, above_hull: Callable[[CrystalBatch], Tensor] | None = None
) -> Loop:
    """The loop of the program's method of guidance, on this loss: the one place that knows which
    methods there are.
    """
    sharp = partial(loss, sharpness=guide.sharpness)
    match guide.method:
        case "paper":
            return Paper(guide, sharp).sample
        case "adaptive":
            return Adaptive(guide, sharp, above_hull).sample


def generate(
    program: Program,
    model: Model,
    arm: Arm,
    indices: Sequence[int],
    *,
    device: torch.device | str = "cpu",
    above_hull: Callable[[CrystalBatch], Tensor] | None = None,
    on_step: Callable[[Progress], None] | None = None,
) -> list[Specimen]:
    """One batch of an arm. Structure i has its own random numbers, from (seed, arm, i), whatever
    the batch it is in. Resampling (`guide resample`) couples the structures of a batch: then
    structure i depends on the others.

    above_hull: for the resampling, see `Adaptive`.
    """
    settings = program.sample
    cells = [_draw_cell(program, model, settings.seed, arm, i) for i in indices]
    sizes = [cell.size for cell in cells]
    conditioned = "chemical_system" in model.conditions
    types = (
        None if program.formula is None else torch.tensor([z for cell in cells for z in cell.types])
    )
    occupations = [cell.occupation for cell in cells if cell.occupation is not None]
    sampler = Sampler(
        model.module,
        conditions(sizes, "-".join(sorted(program.system)) if conditioned else None, types),
        [structure_seed(settings.seed, arm, i) for i in indices],
        steps=settings.steps,
        cfg=settings.cfg if conditioned else 0.0,
        allowed=tuple(ATOMIC_NUMBER[e] for e in program.system),
        langevin=model.langevin
        if settings.corrector is None
        else replace(model.langevin, steps=settings.corrector),
        occupations=occupations or None,
        given=None
        if program.keep is None
        else Given.of(
            given_structure(program.keep.host), sizes, lattice=program.keep.lattice, device=device
        ),
        origin=None
        if program.start is None
        else Origin(
            given_structure(program.start.seed),
            program.start.noise,
            tuple(ATOMIC_NUMBER[e] for e in program.system),
        ),
        device=device,
        on_step=None
        if on_step is None
        else lambda progress: on_step(replace(progress, indices=tuple(indices))),
    )
    try:
        if arm == "guided" and program.is_guided:
            batch = sampler.run(guided_by(program.guide, compile_loss(program), above_hull))
        else:
            batch = sampler.run()
    except IndexError:
        # MatterGen's GemNet cannot be evaluated where no atom of the whole batch has a neighbour:
        # find the structures that did it
        if len(indices) == 1:
            failure = "sampling diverged: no atom has a neighbour"
            return [Specimen(arm, settings.seed, indices[0], failure=failure)]
        return [
            one
            for i in indices
            for one in generate(
                program, model, arm, [i], device=device, above_hull=above_hull, on_step=on_step
            )
        ]
    made = []
    for k, index in enumerate(indices):
        found = _crystal(batch, k)
        one = Specimen(arm, settings.seed, index, ancestor=indices[sampler.ancestors[k]])
        made.append(
            replace(one, failure=found) if isinstance(found, str) else replace(one, structure=found)
        )
    return made


@dataclass(frozen=True)
class _Cell:
    """What is drawn for a structure before it is sampled."""

    size: int
    types: tuple[int, ...] = ()
    """Atomic numbers, where the program has a formula. The model is blind to the order of atoms,
    and they start at random places.
    """
    occupation: Occupation | None = None


def _draw_cell(program: Program, model: Model, seed: int, arm: Arm, index: int) -> _Cell:
    weights = _sizes(program, model)
    size = random.Random(structure_seed(seed, arm, index, "num_atoms")).choices(
        list(weights), list(weights.values())
    )[0]
    if symmetry := _occupations(program):
        draw = random.Random(structure_seed(seed, arm, index, "symmetry"))
        filled = symmetry.draw(size, draw)
        types = tuple(
            ATOMIC_NUMBER[element]
            for element, sites in zip(
                filled.elements or (), filled.occupation.sizes, strict=program.formula is not None
            )
            for _ in range(sites)
        )
        return _Cell(size, types, filled.occupation)
    if not program.formula:
        return _Cell(size)
    kept = () if program.keep is None else given_structure(program.keep.host).atomic_numbers
    rest = amounts(program, size)
    rest.subtract(kept)
    return _Cell(size, (*kept, *rest.elements()))


def _occupations(program: Program) -> Occupations | None:
    """The ways to fill a cell that the symmetry of the program leaves."""
    if program.symmetry is None:
        return None
    return _occupations_of(program.symmetry.numbers, len(program.system), program.formula)


_occupations_of = lru_cache(maxsize=8)(Occupations)


def _sizes(program: Program, model: Model) -> dict[int, float]:
    if program.start is not None:
        return {len(given_structure(program.start.seed)): 1.0}
    symmetry = _occupations(program)
    kept = None if program.keep is None else given_structure(program.keep.host)
    weights = model.num_atoms_weights(len(program.system))
    unit = sum(count for _, count in program.formula or ()) or 1
    if program.atoms is None and unit == 1 and symmetry is None and kept is None:
        return weights
    low, high = (
        (1, model.max_atoms) if program.atoms is None else (program.atoms.low, program.atoms.high)
    )
    inside = [n for n in range(max(low, 1), min(high, model.max_atoms) + 1) if n % unit == 0]
    if symmetry is not None:
        inside = symmetry.sizes(inside)
    if kept is not None:
        inside = sizes_with_host(program, kept, inside)
    # sizes that the training set lacks stay possible when the user asks for them, with a small
    # weight
    floor = 0.01 * max(weights.values())
    return {n: max(weights.get(n, 0.0), floor) for n in inside}


def _crystal(batch: Any, k: int) -> Structure | str:
    """The crystal, or why there is none."""
    atoms = batch.get_batch_idx("pos") == k
    cell, frac = batch["cell"][k].double().cpu(), batch["pos"][atoms].double().cpu()
    if not (torch.isfinite(cell).all() and torch.isfinite(frac).all()):
        return "sampling diverged: coordinates or lattice are not finite"
    if torch.linalg.det(cell).abs() < 1e-3:
        return "sampling diverged: the cell has no volume"
    return Structure(Lattice(cell.numpy()), batch["atomic_numbers"][atoms].tolist(), frac.numpy())
