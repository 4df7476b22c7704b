"""The crystals of a batch as pymatgen structures, for descriptors whose value comes from a library.
Not a descriptor itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scoutlang.descriptors._later import CrystalBatch, neighbours, torch

if TYPE_CHECKING:
    from pymatgen.core import Structure

SMALLEST_HEIGHT = 0.1
"""Å between opposite faces of a cell; a flatter one is degenerate, and the search for its
neighbours has no useful bound.
"""


def decided_structures(batch: CrystalBatch, least: float | None = None) -> list[Structure | None]:
    """One per crystal; None where an atom is no element with a probability above ``least`` (1/2),
    or the cell is degenerate or not finite.
    """
    from pymatgen.core import Structure

    probability, number = batch.species.detach().max(dim=-1)
    frac, cell = (x.detach().to("cpu", torch.float64) for x in (batch.frac, batch.cell))
    flat = ~(neighbours.cell_heights(cell).amin(dim=-1) >= SMALLEST_HEIGHT)  # true for NaN as well
    found: list[Structure | None] = []
    sizes = batch.num_atoms.tolist()
    atoms = (
        torch.split(per_atom, sizes)
        for per_atom in (
            number.cpu(),
            (probability > (neighbours.PRESENT if least is None else least)).cpu(),
            frac,
        )
    )
    for numbers, sure, points, vectors, unusable in zip(*atoms, cell, flat, strict=True):
        usable = bool(sure.all() and points.isfinite().all() and not unusable)
        found.append(
            Structure(vectors.numpy(), numbers.tolist(), points.numpy()) if usable else None
        )
    return found
