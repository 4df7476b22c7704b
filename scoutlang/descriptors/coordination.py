"""CN(A-B): coordination number, B neighbours around A, directed, mean over A sites (paper, section 3)."""

from __future__ import annotations

from scoutlang.signatures import DescriptorSignature, Parameter

SIGNATURE = DescriptorSignature(
    name="CN",
    summary="coordination number: B neighbours around A, mean over A sites",
    dimension="dimensionless",
    species=2,
    scale=1.0,
    tolerance=0.5,
    parameters=(Parameter("r", "length", "sum of the Cordero covalent radii + 0.5 Å", 0.5, 8.0),),
)
