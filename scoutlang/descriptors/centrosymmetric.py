"""centrosymmetric: whether the crystal has a centre of inversion.

Eleven of the 32 crystal classes have one (the Laue classes). ``symprec`` and where it is undefined:
as `spacegroup`. Source: International Tables for Crystallography A, table 3.2.1.4.
"""

from __future__ import annotations

from scoutlang.descriptors.spacegroup import SYMPREC, by_class, by_number, symprec
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature
from scoutlang.ir.space_groups import LAUE_CLASSES

_of_group = by_class(LAUE_CLASSES)

SIGNATURE = DescriptorSignature(
    name="centrosymmetric",
    summary="has a centre of inversion",
    dimension="truth",
    maximum=1,
    parameters=(SYMPREC,),
    differentiable=False,
    by_group=_of_group,
    since="1.1",
    example="expect centrosymmetric",
)


def formula(measure: Measure) -> str:
    return f"by the point group, of operations that hold within {symprec(measure):g} Å"


exact = by_number(_of_group)
