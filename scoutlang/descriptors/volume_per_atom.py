"""volume_per_atom: cell volume over number of atoms, |a · (b × c)| / n in Å^3 (paper, section 3.1).
Soft and exact are the same.

Undefined where the cell is not finite or has less than 0.001 Å^3. Tolerance 0.25 Å^3 (the paper's
analyses), scale 1 Å^3.

A limit below 5 Å^3 is doubted (W055): diamond, with 5.67 Å^3, packs more atoms into a volume than
any other substance known at ambient pressure (Zhu et al., Phys. Rev. B 83, 193410 (2011),
doi:10.1103/PhysRevB.83.193410).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from scoutlang.ir.signatures import Concern, DescriptorSignature

if TYPE_CHECKING:
    from torch import Tensor

    from scoutlang.crystals.batch import CrystalBatch
    from scoutlang.crystals.neighbours import DescriptorValue
    from scoutlang.ir import Measure, Relation

_DENSEST = 5.0  # Å^3 per atom, somewhat below diamond


def soft(batch: CrystalBatch, measure: Measure, sharpness: float | Tensor = 8.0) -> DescriptorValue:
    """Å^3 per atom (B,), differentiable in the cell. There is no smooth step: ``sharpness`` changes
    nothing.
    """
    from scoutlang.crystals.neighbours import DescriptorValue, cell_volume, sound_cell

    cell, sound = sound_cell(batch.cell)
    return DescriptorValue.soft(cell_volume(cell) / batch.num_atoms, sound)


def exact(batch: CrystalBatch, measure: Measure) -> DescriptorValue:
    """Å^3 per atom (B,)."""
    from scoutlang.crystals.neighbours import DescriptorValue

    value = soft(batch, measure)
    return DescriptorValue.exact(value.value, value.defined)


def formula(measure: Measure) -> str:
    return "|a · (b × c)| / n in Å^3"


def concerns(measure: Measure, relation: Relation) -> Iterator[Concern]:
    """Less room than atoms need."""
    most = relation.high if relation.target is None else relation.target + (relation.tolerance or 0)
    if most is not None and most < _DENSEST:
        yield Concern(
            "W055",
            f"{most:.4g} Å^3 per atom is less than atoms need",
            "diamond, the densest packing of atoms, has 5.67 Å^3",
        )


SIGNATURE = DescriptorSignature(
    name="volume_per_atom",
    summary="cell volume divided by the number of atoms",
    dimension="volume_per_atom",
    species=0,
    scale=1.0,
    tolerance=0.25,
    example="require volume_per_atom in [14, 20] Å^3",
    concerns=concerns,
)
