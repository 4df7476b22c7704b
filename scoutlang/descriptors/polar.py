"""polar: whether the crystal class has a polar axis, as that of every ferroelectric.

Ten of the 32 classes do: 1, 2, m, mm2, 4, 4mm, 3, 3m, 6, 6mm. ``symprec`` and where it is
undefined: as `spacegroup`. Source: International Tables for Crystallography A, table 3.2.1.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scoutlang.descriptors._values import of_structures
from scoutlang.descriptors.spacegroup import SYMPREC, crystal_class, symprec
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature

if TYPE_CHECKING:
    from pymatgen.core import Structure

_POLAR = frozenset(("1", "2", "m", "mm2", "4", "4mm", "3", "3m", "6", "6mm"))

SIGNATURE = DescriptorSignature(
    name="polar",
    summary="has a polar axis",
    dimension="truth",
    maximum=1,
    parameters=(SYMPREC,),
    differentiable=False,
    since="1.1",
    example="expect polar",
)


def formula(measure: Measure) -> str:
    return f"by the point group, of operations that hold within {symprec(measure):g} Å"


@of_structures
def exact(structure: Structure, measure: Measure) -> bool | None:
    """None where no space group is found."""
    found = crystal_class(structure, measure)
    return None if found is None else found in _POLAR
