"""The crystals of a batch as pymatgen structures, for descriptors whose value comes from a library.
Not a descriptor itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from scoutlang.crystals.batch import CrystalBatch
    from scoutlang.crystals.neighbours import DescriptorValue

SMALLEST_HEIGHT = 0.1
"""Å between opposite faces of a cell; a flatter one is degenerate, and the search for its
neighbours has no useful bound.
"""


def decided_structures(batch: CrystalBatch, least: float | None = None) -> list[Structure | None]:
    """One per crystal; None where an atom is no element with a probability above ``least`` (1/2),
    or the cell is degenerate or not finite.
    """
    import torch
    from pymatgen.core import Structure

    from scoutlang.crystals.neighbours import PRESENT, cell_heights

    probability, number = batch.species.detach().max(dim=-1)
    frac, cell = (x.detach().to("cpu", torch.float64) for x in (batch.frac, batch.cell))
    flat = ~(cell_heights(cell).amin(dim=-1) >= SMALLEST_HEIGHT)  # true for NaN as well
    found: list[Structure | None] = []
    sizes = batch.num_atoms.tolist()
    atoms = (
        torch.split(per_atom, sizes)
        for per_atom in (
            number.cpu(),
            (probability > (PRESENT if least is None else least)).cpu(),
            frac,
        )
    )
    for numbers, sure, points, vectors, unusable in zip(*atoms, cell, flat, strict=True):
        usable = bool(sure.all() and points.isfinite().all() and not unusable)
        found.append(
            Structure(vectors.numpy(), numbers.tolist(), points.numpy()) if usable else None
        )
    return found


def exact_of_each(batch: CrystalBatch, ask: Callable[[Structure], float | None]) -> DescriptorValue:
    """``ask`` of every decided structure → (B,). Undefined where it answers None or a library gives
    up on the structure.
    """
    from scoutlang.crystals.neighbours import DescriptorValue

    answers = []
    for structure in decided_structures(batch):
        try:
            answers.append(None if structure is None else ask(structure))
        except Exception:  # libraries raise errors of many types on strange crystals
            answers.append(None)
    value = batch.frac.new_tensor([float("nan") if a is None else float(a) for a in answers])
    return DescriptorValue.exact(value, ~value.isnan())
