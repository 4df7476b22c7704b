"""min_distance(A-B): shortest distance between an A and a B atom, periodic images included."""

from __future__ import annotations

from scoutlang.signatures import DescriptorSignature

SIGNATURE = DescriptorSignature(
    name="min_distance",
    summary="shortest A-B distance in the crystal, periodic images included",
    dimension="length",
    species=2,
    scale=1.0,
    tolerance=0.1,
    aggregate="min",
)
