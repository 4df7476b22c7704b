"""point_group: the crystal class, one of 32, by the number of the space group: ``-1``, ``mmm``,
``m-3m``.

A class whose symbol is no name is written in quotes: ``point_group = "4/mmm"``. ``symprec`` and
where it is undefined: as `spacegroup`. Source: International Tables for Crystallography A, table
3.2.3.2.
"""

from __future__ import annotations

from scoutlang.descriptors.spacegroup import SYMPREC, by_number, symprec
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature
from scoutlang.ir.space_groups import POINT_GROUPS
from scoutlang.ir.space_groups import point_group as class_of


def _of_group(number: int) -> float:
    """Place in ``SIGNATURE.categories``."""
    return POINT_GROUPS.index(class_of(number))


SIGNATURE = DescriptorSignature(
    name="point_group",
    summary="crystal class, one of the 32 point groups",
    dimension="category",
    maximum=len(POINT_GROUPS) - 1,
    parameters=(SYMPREC,),
    differentiable=False,
    by_group=_of_group,
    since="1.1",
    categories=POINT_GROUPS,
    example='expect point_group = "4/mmm"',
)


def formula(measure: Measure) -> str:
    return f"point group of the space group, by operations that hold within {symprec(measure):g} Å"


exact = by_number(_of_group)
