"""volume_per_atom: cell volume over number of atoms, |a · (b × c)| / n (paper, section 3.1). Soft and exact are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scoutlang.signatures import DescriptorSignature

if TYPE_CHECKING:
    from torch import Tensor

    from scoutlang.crystal import CrystalBatch
    from scoutlang.geometry import DescriptorValue
    from scoutlang.ir import Measure

SIGNATURE = DescriptorSignature(
    name="volume_per_atom",
    summary="cell volume divided by the number of atoms",
    dimension="volume_per_atom",
    species=0,
    scale=1.0,
    tolerance=0.25,
    minimum=0.0,
)


def soft(batch: CrystalBatch, measure: Measure, sharpness: float | Tensor = 8.0) -> DescriptorValue:
    """Å^3 per atom (B,), smooth already: ``sharpness`` changes nothing. Undefined where it is not finite."""
    import torch

    from scoutlang.geometry import DescriptorValue, cell_volume

    finite = cell_volume(batch.cell.detach()).isfinite()
    cell = torch.where(finite[:, None, None], batch.cell, torch.zeros_like(batch.cell))
    return DescriptorValue.soft(cell_volume(cell) / batch.num_atoms, finite)


def exact(batch: CrystalBatch, measure: Measure) -> DescriptorValue:
    """Å^3 per atom (B,)."""
    from scoutlang.geometry import DescriptorValue

    value = soft(batch, measure)
    return DescriptorValue.exact(value.value, value.defined)


def formula(measure: Measure) -> str:
    return "|a · (b × c)| / n in Å^3"
