"""crystal_system: triclinic, monoclinic, orthorhombic, tetragonal, trigonal, hexagonal or cubic, by
the number of the space group.

Trigonal and hexagonal are told apart by the point group (3-fold or 6-fold axis), not by the
lattice: a rhombohedral crystal is trigonal. ``symprec`` and where it is undefined: as `spacegroup`.
Source: International Tables for Crystallography A, table 2.1.1.1.
"""

from __future__ import annotations

from scoutlang.descriptors.spacegroup import SYMPREC, by_number, symprec
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature
from scoutlang.ir.space_groups import LAST_NUMBER
from scoutlang.ir.space_groups import crystal_system as system_of


def _of_group(number: int) -> float:
    """Place in ``SIGNATURE.categories``."""
    return list(LAST_NUMBER).index(system_of(number))


SIGNATURE = DescriptorSignature(
    name="crystal_system",
    summary="crystal system, by the space group",
    dimension="category",
    maximum=len(LAST_NUMBER) - 1,
    parameters=(SYMPREC,),
    differentiable=False,
    by_group=_of_group,
    categories=tuple(LAST_NUMBER),
    example="expect crystal_system = cubic",
)


def formula(measure: Measure) -> str:
    return (
        f"crystal system of the space group, by operations that hold within {symprec(measure):g} Å"
    )


exact = by_number(_of_group)
