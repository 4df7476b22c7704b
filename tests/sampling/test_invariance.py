"""Sampling in the space of structures that a space group leaves unchanged."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import pytest
import spglib
import torch
from closed_form import Gaussian, KnownLoss, chain, coordinate, lattice, of_lattice
from torch import Tensor

from scoutlang.crystals.space_groups import space_group
from scoutlang.interfaces import api
from scoutlang.ir import Guide, Program
from scoutlang.ir.space_groups import Occupation, Occupations
from scoutlang.sampling.generate import generate, guided_by
from scoutlang.sampling.mattergen.batches import conditions
from scoutlang.sampling.mattergen.checkpoint import load_model
from scoutlang.sampling.mattergen.corrector import Langevin
from scoutlang.sampling.mattergen.invariance import Invariance
from scoutlang.sampling.mattergen.sampler import Sampler, predictor_corrector


class Crystals(dict[str, Tensor]):
    """As much of MatterGen's batch as `Invariance` needs."""

    def replace(self, **fields: Tensor) -> Crystals:
        return Crystals({**self, **fields})


def noise(invariance: Invariance, scale: float = 1.0) -> Crystals:
    atoms, cells = len(invariance.orbit), len(invariance.reference)
    shear = torch.randn(cells, 3, 3)
    return Crystals(
        pos=invariance.moved(scale * torch.randn(atoms, 3)),
        atomic_numbers=torch.randint(1, 90, (atoms,)),
        cell=6 * torch.eye(3) + 0.4 * (shear + shear.transpose(1, 2)),
    )


def apart(a: Tensor, b: Tensor) -> float:
    """The largest difference of fractional coordinates, whatever lattice vectors are between."""
    return float((a - b - torch.round(a - b)).abs().max())


def all_kept(invariance: Invariance, z: Any) -> float:
    """How far every operation takes an atom from an atom of its type, and the metric from itself,
    at most.
    """
    worst, first = 0.0, 0
    for cell, occupation in zip(z["cell"].double(), invariance.occupations, strict=True):
        n = sum(occupation.sizes)
        pos = z["pos"][first : first + n].double()
        types = z["atomic_numbers"][first : first + n]
        first += n
        group = space_group(occupation.group)
        metric = cell @ cell.T
        for rotation, shift in zip(group.rotations, group.translations, strict=True):
            turn = torch.as_tensor(rotation, dtype=torch.float64)
            image = pos @ turn.T + torch.as_tensor(shift)
            gap = image[:, None] - pos
            gap = (gap - gap.round()).abs().amax(2)
            gap = gap.masked_fill(types[:, None] != types, torch.inf)
            worst = max(worst, float(gap.amin(1).max()))
            strain = (turn.T @ metric @ turn - metric).abs().max() / metric.abs().max()
            worst = max(worst, float(strain))
    return worst


def some(count: int, groups: Sequence[int] = range(1, 231), seed: int = 0) -> list[Occupation]:
    """Occupations of cells of 2 to 12 atoms."""
    ways, draw = Occupations(groups, 1), random.Random(seed)
    sizes = ways.sizes(range(2, 13))
    return [ways.draw(draw.choice(sizes), draw).occupation for _ in range(count)]


def test_moves_are_projected_orthogonally() -> None:
    torch.manual_seed(0)
    invariance = Invariance.of(some(30))
    move = torch.randn(len(invariance.orbit), 3)
    kept = invariance.moved(move)
    assert torch.allclose(invariance.moved(kept), kept, atol=1e-6)
    assert float((kept * (move - kept)).sum() / kept.square().sum()) == pytest.approx(0, abs=1e-6)


def test_every_structure_has_its_group() -> None:
    """Made at random in 60 ways of taking Wyckoff positions, found by spglib."""
    torch.manual_seed(1)
    occupations = some(60)
    invariance = Invariance.of(occupations)
    z = invariance.kept(invariance.placed(noise(invariance, 3.0)))
    assert all_kept(invariance, z) < 1e-6
    first = 0
    for cell, occupation in zip(z["cell"], occupations, strict=True):
        atoms = slice(first, first := first + sum(occupation.sizes))
        crystal = (
            cell.double().numpy(),
            z["pos"][atoms].double().numpy(),
            z["atomic_numbers"][atoms].numpy(),
        )
        found = spglib.get_symmetry_dataset(crystal, symprec=1e-4)
        assert found is not None
        assert found.number == occupation.group


def test_what_is_kept_already_stays() -> None:
    torch.manual_seed(2)
    invariance = Invariance.of(some(40, seed=3))
    z = invariance.kept(invariance.placed(noise(invariance)))
    again = invariance.kept(z)
    assert apart(again["pos"], z["pos"]) < 1e-6
    assert torch.allclose(again["cell"], z["cell"], atol=1e-5)
    assert torch.equal(again["atomic_numbers"], z["atomic_numbers"])


def test_one_by_one_is_as_in_a_batch() -> None:
    torch.manual_seed(3)
    occupations = some(12, seed=5)
    together = Invariance.of(occupations)
    z = noise(together)
    kept, first = together.kept(together.placed(z)), 0
    for b, occupation in enumerate(occupations):
        atoms = slice(first, first := first + sum(occupation.sizes))
        alone = Invariance.of([occupation])
        one = Crystals({name: z[name][atoms] for name in ("pos", "atomic_numbers")})
        one = alone.kept(alone.placed(one.replace(cell=z["cell"][b : b + 1])))
        assert torch.equal(one["pos"], kept["pos"][atoms])
        assert torch.equal(one["cell"][0], kept["cell"][b])


def sampler(module: Any, occupations: Sequence[Occupation], steps: int, **how: Any) -> Sampler:
    return Sampler(
        module,
        conditions([sum(one.sizes) for one in occupations], None),
        list(range(len(occupations))),
        steps=steps,
        cfg=0.0,
        occupations=occupations,
        **how,
    )


def test_every_step_keeps_it_guided_or_not(make_toy) -> None:
    """Also where guidance pulls on one entry of the lattice, and copies are made."""
    occupations = some(16, seed=7)
    loss = KnownLoss(of_lattice(torch.square))
    for loop in (predictor_corrector, guided_by(Guide(resample=6, stability=0.0), loss)):
        made = sampler(make_toy(), occupations, 20)
        moves = {name: getattr(made, name) for name in ("predict", "correct")}
        seen: list[float] = []

        def watched(name: str, made=made, moves=moves, seen=seen) -> Any:
            def move(*given: Any) -> Any:
                z = moves[name](*given)
                seen.append(all_kept(made._kept, z))
                return z

            return move

        for name in moves:
            setattr(made, name, watched(name))
        made.run(loop)
        assert len(seen) == 39
        assert max(seen) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "place", "copies", "free"), [(1, 0, 1, 3), (2, 8, 2, 3), (47, 19, 2, 1)]
)
def test_coordinates_are_those_of_the_conditioned_data(
    make_toy, number: int, place: int, copies: int, free: int
) -> None:
    """Data around ½, which P-1 and Pmmm leave unchanged: conditioned on the orbit of x the density
    is that of all its m atoms, which is normal with variance σ²/m; so is the noise.

    Orbits of more atoms come out broader: while the noise is as wide as the cell each atom is
    scored as if it could come from another cell than its image. docs/guidance.md says so.
    """
    count, steps = 600, 30
    assert space_group(number).positions[place].size == copies
    assert space_group(number).positions[place].free == free
    along = space_group(number).positions[place].freedom[:, 0].argmax()
    data = Gaussian(frac_mean=0.5, frac_std=0.05)
    occupations = [Occupation(number, (place,))] * count
    made = sampler(make_toy(data), occupations, steps, langevin=Langevin(0)).run()
    first = made["pos"].reshape(count, copies, 3)[:, 0]
    first = first if free == 3 else first[:, along : along + 1]
    offset = (first - 0.5) - torch.round(first - 0.5)
    mean, std = chain(coordinate(copies, 0.0, 0.05), steps)
    std /= math.sqrt(copies)
    assert offset.mean().item() == pytest.approx(mean, abs=5 * std / math.sqrt(free * count))
    assert offset.std().item() == pytest.approx(std, rel=5 / math.sqrt(2 * free * count))


@pytest.mark.slow
@pytest.mark.parametrize(("number", "equal"), [(221, 3), (123, 2), (47, 1)])
def test_lattices_are_those_of_the_conditioned_data(make_toy, number, equal) -> None:
    """A cubic lattice has one normal number where three independent ones were: variance σ²/3; a
    tetragonal one two and one, an orthorhombic one three.
    """
    count, steps = 600, 30
    data = Gaussian(cell_mean=4.0, cell_std=0.3)
    occupations = [Occupation(number, (0,))] * count
    made = sampler(make_toy(data), occupations, steps, langevin=Langevin(0)).run()
    edges = made["cell"].diagonal(dim1=1, dim2=2)
    assert (made["cell"] - torch.diag_embed(edges)).abs().max() < 1e-4
    assert torch.allclose(edges[:, 0], edges[:, equal - 1], atol=1e-5)
    mean, std = chain(lattice(1, 4.0, 0.3), steps)
    for entry, joined in ((0, equal), (2, 1 if equal < 3 else 3)):
        spread = std / math.sqrt(joined)
        found = edges[:, entry]
        assert found.mean().item() == pytest.approx(mean, abs=5 * spread / math.sqrt(count))
        assert found.std().item() == pytest.approx(spread, rel=5 / math.sqrt(2 * count))


def program(text: str) -> Program:
    found = api.check(text, name="symmetry.scout").program
    assert found is not None
    return found


def test_mini_makes_crystals_of_the_group_and_the_formula() -> None:
    asked = program(
        'system Ca-Ti-O\nformula "CaTiO3"\nsymmetry {Pm-3m, Pnma}\nrequire CN(Ti-O) = 6\n'
        "sample 6 batch=6 steps=12"
    )
    made = generate(asked, load_model("mini"), "guided", list(range(6)))
    groups = set()
    for one in made:
        assert one.structure is not None
        assert one.structure.composition.reduced_formula == "CaTiO3"
        found = spglib.get_symmetry_dataset(
            (
                one.structure.lattice.matrix,
                one.structure.frac_coords,
                one.structure.atomic_numbers,
            ),
            symprec=1e-3,
        )
        assert found is not None
        groups.add(found.number)
    assert groups <= {221, 62}


def test_a_structure_does_not_depend_on_its_batch() -> None:
    asked = program(
        "system Cu-P\nsymmetry >= 4 operations\nrequire CN(Cu-P) = 4\n"
        "guide resample=0\nsample 4 batch=4 steps=6"
    )
    model = load_model("mini")
    together = generate(asked, model, "non-guided", [0, 1, 2])
    alone = generate(asked, model, "non-guided", [1])[0]
    assert alone.crystal.atomic_numbers == together[1].crystal.atomic_numbers
    assert alone.crystal.frac_coords == pytest.approx(together[1].crystal.frac_coords, abs=1e-3)
