"""centrosymmetric: whether the crystal has a centre of inversion.

Eleven of the 32 crystal classes have one (the Laue classes). ``symprec`` and where it is undefined:
as `spacegroup`. Source: International Tables for Crystallography A, table 3.2.1.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scoutlang.descriptors._values import of_structures
from scoutlang.descriptors.spacegroup import SYMPREC, crystal_class, symprec
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature

if TYPE_CHECKING:
    from pymatgen.core import Structure

_LAUE = frozenset(("-1", "2/m", "mmm", "4/m", "4/mmm", "-3", "-3m", "6/m", "6/mmm", "m-3", "m-3m"))

SIGNATURE = DescriptorSignature(
    name="centrosymmetric",
    summary="has a centre of inversion",
    dimension="truth",
    maximum=1,
    parameters=(SYMPREC,),
    differentiable=False,
    since="1.1",
    example="expect centrosymmetric",
)


def formula(measure: Measure) -> str:
    return f"by the point group, of operations that hold within {symprec(measure):g} Å"


@of_structures
def exact(structure: Structure, measure: Measure) -> bool | None:
    """None where no space group is found."""
    found = crystal_class(structure, measure)
    return None if found is None else found in _LAUE
