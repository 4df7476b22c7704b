"""volume_per_atom: cell volume over number of atoms (paper, section 3.1)."""

from __future__ import annotations

from scoutlang.signatures import DescriptorSignature

SIGNATURE = DescriptorSignature(
    name="volume_per_atom",
    summary="cell volume divided by the number of atoms",
    dimension="volume_per_atom",
    species=0,
    scale=1.0,
    tolerance=0.25,
    minimum=0.0,
)
