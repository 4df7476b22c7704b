"""distance(A-B): distance from an A site to its nearest B neighbour, mean over A sites."""

from __future__ import annotations

from scoutlang.signatures import DescriptorSignature

SIGNATURE = DescriptorSignature(
    name="distance",
    summary="distance from A to its nearest B neighbour, mean over A sites",
    dimension="length",
    species=2,
    scale=1.0,
    tolerance=0.1,
)
