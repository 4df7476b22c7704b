"""polar: whether the crystal class has a polar axis, as that of every ferroelectric.

Ten of the 32 classes do: 1, 2, m, mm2, 4, 4mm, 3, 3m, 6, 6mm. ``symprec`` and where it is
undefined: as `spacegroup`. Source: International Tables for Crystallography A, table 3.2.1.4.
"""

from __future__ import annotations

from scoutlang.descriptors.spacegroup import SYMPREC, by_class, by_number, symprec
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature

_POLAR = frozenset(("1", "2", "m", "mm2", "4", "4mm", "3", "3m", "6", "6mm"))

_of_group = by_class(_POLAR)

SIGNATURE = DescriptorSignature(
    name="polar",
    summary="has a polar axis",
    dimension="truth",
    maximum=1,
    parameters=(SYMPREC,),
    differentiable=False,
    by_group=_of_group,
    since="1.1",
    example="expect polar",
)


def formula(measure: Measure) -> str:
    return f"by the point group, of operations that hold within {symprec(measure):g} Å"


exact = by_number(_of_group)
