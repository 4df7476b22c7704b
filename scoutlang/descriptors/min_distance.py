"""min_distance(A-B): shortest distance between an A and a B atom of the crystal, in Å, periodic
images included.

soft and exact are both the true minimum: it is differentiable almost everywhere, equal shortest
pairs share its gradient, and, unlike a smooth minimum, it does not fall as neighbours get more.
Only atoms that are A and B with a probability above 1/2 take part, so an undecided site is not
pushed. Undefined where no such pair exists. Tolerance 0.1 Å, scale 1 Å, as for ``distance``.
"""

from __future__ import annotations

from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours
from scoutlang.descriptors._values import by_sharpness
from scoutlang.descriptors.distance import collapse, nearest
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature

SIGNATURE = DescriptorSignature(
    name="min_distance",
    summary="shortest A-B distance in the crystal, periodic images included",
    dimension="length",
    species=2,
    tolerance=0.1,
    monotone=-1,
    concerns=collapse,
    role="shortest",
    example="require min_distance(*-*) >= 1.8 Å",
)


def formula(measure: Measure) -> str:
    a, b = measure.species
    return f"shortest {a.text}-{b.text} distance in Å"


def _shortest(
    batch: CrystalBatch, measure: Measure, sharpness: float | Tensor | None
) -> neighbours.DescriptorValue:
    """Å (B,). There is no smooth step: ``sharpness`` says only whether the values are soft."""
    make, most = neighbours.DescriptorValue.soft, neighbours.MAX_IMAGES
    if sharpness is None:
        make, most = neighbours.DescriptorValue.exact, neighbours.MAX_IMAGES_EXACT
    value, searched = nearest(batch, measure, batch.system, batch.size, most)
    return make(value, searched & value.isfinite())


soft, exact = by_sharpness(_shortest)
