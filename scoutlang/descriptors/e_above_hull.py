"""e_above_hull: energy above the convex hull of the reference set. Judged after sampling; it has no gradient here."""

from __future__ import annotations

from scoutlang.signatures import DescriptorSignature

SIGNATURE = DescriptorSignature(
    name="e_above_hull",
    summary="energy above the convex hull of the reference set, by the run's potential, unrelaxed",
    dimension="energy_per_atom",
    species=0,
    scale=0.1,
    tolerance=0.025,
    minimum=float("-inf"),
    differentiable=False,
)
