"""Means over the atoms of a crystal of what every element has: its mass, its size, whether it is
one of some. No descriptor of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours, torch
from scoutlang.ir.elements import SYMBOLS


def mean_over_atoms(batch: CrystalBatch, of_element: Mapping[str, float]) -> tuple[Tensor, Tensor]:
    """Mean (B,) over the atoms, by the species probabilities; (B,) bool, whether it is known.

    of_element: a number for each element; a crystal that has another one (0.5 atoms of it) has no
    mean. An atom that is partly masked counts by what is decided of it, so a half-finished crystal
    is not taken for a lighter one.
    """
    columns = ("", *SYMBOLS)
    values = batch.species.new_tensor([of_element.get(e, 0.0) for e in columns])
    has_value = batch.species.new_tensor([float(e in of_element) for e in columns])
    total, known, all_ = (
        neighbours.sum_by_structure(atoms, batch.system, batch.size)
        for atoms in (batch.species @ values, batch.species @ has_value, batch.species.sum(-1))
    )
    return total / known.clamp(min=neighbours.PRESENT), (known >= neighbours.PRESENT) & (
        all_ - known < neighbours.PRESENT
    )


def volume_per_atom(batch: CrystalBatch) -> tuple[Tensor, Tensor]:
    """→ Å^3 per atom (B,), whether the cell is one (B,)."""
    cell, sound = neighbours.sound_cell(batch.cell)
    return neighbours.cell_volume(cell) / batch.num_atoms, sound


def per_volume(
    batch: CrystalBatch, of_element: Mapping[str, float], factor: float = 1.0
) -> tuple[Tensor, Tensor]:
    """``factor`` times the sum over the atoms, by the volume of the cell in Å^3 (B,); (B,) bool,
    whether both are known.
    """
    mean, known = mean_over_atoms(batch, of_element)
    volume, sound = volume_per_atom(batch)
    return factor * mean / torch.where(sound, volume, torch.ones_like(volume)), known & sound


def whole(batch: CrystalBatch) -> CrystalBatch:
    """The batch with every atom the element that it is with a probability above 1/2, for exact
    values.
    """
    return replace(batch, species=(batch.species > neighbours.PRESENT).to(batch.species.dtype))
