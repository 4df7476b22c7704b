"""Means over the atoms of a crystal of what every element has: its mass, its size, whether it is
one of some. No descriptor of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from scoutlang.ir.elements import SYMBOLS

if TYPE_CHECKING:
    from torch import Tensor

    from scoutlang.crystals.batch import CrystalBatch


def mean_over_atoms(batch: CrystalBatch, of_element: Mapping[str, float]) -> tuple[Tensor, Tensor]:
    """Mean (B,) over the atoms, by the species probabilities; (B,) bool, whether it is known.

    of_element: a number for each element; a crystal that has another one (0.5 atoms of it) has no
    mean. An atom that is partly masked counts by what is decided of it, so a half-finished crystal
    is not taken for a lighter one.
    """
    from scoutlang.crystals.neighbours import PRESENT, sum_by_structure

    columns = ("", *SYMBOLS)
    values = batch.species.new_tensor([of_element.get(e, 0.0) for e in columns])
    has_value = batch.species.new_tensor([float(e in of_element) for e in columns])
    total, known, all_ = (
        sum_by_structure(atoms, batch.system, batch.size)
        for atoms in (batch.species @ values, batch.species @ has_value, batch.species.sum(-1))
    )
    return total / known.clamp(min=PRESENT), (known >= PRESENT) & (all_ - known < PRESENT)


def whole(batch: CrystalBatch) -> CrystalBatch:
    """The batch with every atom the element that it is with a probability above 1/2, for exact
    values.
    """
    from scoutlang.crystals.neighbours import PRESENT

    return replace(batch, species=(batch.species > PRESENT).to(batch.species.dtype))
