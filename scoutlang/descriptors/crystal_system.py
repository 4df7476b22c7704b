"""crystal_system: triclinic, monoclinic, orthorhombic, tetragonal, trigonal, hexagonal or cubic, by
the number of the space group.

Trigonal and hexagonal are told apart by the point group (3-fold or 6-fold axis), not by the
lattice: a rhombohedral crystal is trigonal. ``symprec`` and where it is undefined: as `spacegroup`.
Source: International Tables for Crystallography A, table 2.1.1.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scoutlang.descriptors._values import of_structures
from scoutlang.descriptors.spacegroup import SYMPREC, number, symprec
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature
from scoutlang.ir.space_groups import LAST_NUMBER
from scoutlang.ir.space_groups import crystal_system as system_of

if TYPE_CHECKING:
    from pymatgen.core import Structure

SIGNATURE = DescriptorSignature(
    name="crystal_system",
    summary="crystal system, by the space group",
    dimension="category",
    maximum=len(LAST_NUMBER) - 1,
    parameters=(SYMPREC,),
    differentiable=False,
    categories=tuple(LAST_NUMBER),
    example="expect crystal_system = cubic",
)


def formula(measure: Measure) -> str:
    return (
        f"crystal system of the space group, by operations that hold within {symprec(measure):g} Å"
    )


@of_structures
def exact(structure: Structure, measure: Measure) -> int | None:
    """Place in ``SIGNATURE.categories``, None where no space group is found."""
    found = number(structure, symprec(measure))
    return None if found is None else SIGNATURE.categories.index(system_of(found))
