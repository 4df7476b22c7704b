"""chiral: whether the crystal differs from its mirror image, as quartz does.

Its space group then has rotations, screws and translations only; 65 groups are such (the Sohncke
groups), those of eleven crystal classes. ``symprec`` and where it is undefined: as `spacegroup`.
Source: International Tables for Crystallography A, table 3.2.1.4.
"""

from __future__ import annotations

from scoutlang.descriptors.spacegroup import SYMPREC, by_class, by_number, symprec
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature

_ROTATIONS = frozenset(("1", "2", "222", "4", "422", "3", "32", "6", "622", "23", "432"))

_of_group = by_class(_ROTATIONS)

SIGNATURE = DescriptorSignature(
    name="chiral",
    summary="has rotations and translations only",
    dimension="truth",
    maximum=1,
    parameters=(SYMPREC,),
    differentiable=False,
    by_group=_of_group,
    since="1.1",
    example="expect chiral",
)


def formula(measure: Measure) -> str:
    return f"by the point group, of operations that hold within {symprec(measure):g} Å"


exact = by_number(_of_group)
