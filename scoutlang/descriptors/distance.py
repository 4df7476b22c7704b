"""distance(A-B): distance from an A site to its nearest B neighbour, mean over A sites, periodic images included.

soft and exact are both the mean of true minima: differentiable almost everywhere, equal shortest pairs share the gradient. Only atoms
that are A and B with a probability above 1/2 take part, so an undecided site is not pushed. Undefined where no such pair exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scoutlang.signatures import DescriptorSignature

if TYPE_CHECKING:
    from torch import Tensor

    from scoutlang.crystal import CrystalBatch
    from scoutlang.geometry import DescriptorValue
    from scoutlang.ir import Measure

SIGNATURE = DescriptorSignature(
    name="distance",
    summary="distance from A to its nearest B neighbour, mean over A sites",
    dimension="length",
    species=2,
    scale=1.0,
    tolerance=0.1,
)


def soft(batch: CrystalBatch, measure: Measure, sharpness: float | Tensor = 8.0) -> DescriptorValue:
    """Å (B,), differentiable in coordinates and cell. There is no smooth step here: ``sharpness`` changes nothing."""
    from scoutlang.geometry import MAX_IMAGES, DescriptorValue

    return DescriptorValue.soft(*_mean_nearest(batch, measure, MAX_IMAGES))


def exact(batch: CrystalBatch, measure: Measure) -> DescriptorValue:
    """Å (B,), NaN where no A-B pair exists."""
    from scoutlang.geometry import MAX_IMAGES_EXACT, DescriptorValue

    return DescriptorValue.exact(*_mean_nearest(batch, measure, MAX_IMAGES_EXACT))


def formula(measure: Measure) -> str:
    a, b = measure.species
    return f"mean over {a.text} of the distance to the nearest {b.text}, in Å"


def _mean_nearest(batch: CrystalBatch, measure: Measure, max_images: int) -> tuple[Tensor, Tensor]:
    """→ value (B,), defined (B,)."""
    import torch

    from scoutlang.geometry import decided, shortest, sum_by_structure

    centre, neighbour = (decided(batch, s.elements) for s in measure.species)
    sites = torch.arange(len(centre), device=centre.device)
    nearest, overflow = shortest(batch, sites, len(sites), centre, neighbour, max_images=max_images)
    has_neighbour = nearest.isfinite()
    total = sum_by_structure(torch.where(has_neighbour, nearest, torch.zeros_like(nearest)), batch.system, batch.size)
    count = sum_by_structure(has_neighbour.to(nearest.dtype), batch.system, batch.size)
    return total / count.clamp(min=1), (count > 0) & ~overflow
