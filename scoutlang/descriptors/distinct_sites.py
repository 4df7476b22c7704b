"""distinct_sites: how many atoms of a crystal no operation of its space group takes into each
other: the atoms that a CIF lists.

NaCl has 2, quartz 2, olivine Mg2SiO4 6. A crystal without symmetry has as many as its cell has
atoms. ``symprec`` and where it is undefined: as `spacegroup`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scoutlang.descriptors._values import of_structures
from scoutlang.descriptors.spacegroup import SYMPREC, dataset, symprec
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature

if TYPE_CHECKING:
    from pymatgen.core import Structure

SIGNATURE = DescriptorSignature(
    name="distinct_sites",
    summary="number of atoms that no symmetry relates",
    minimum=1,
    parameters=(SYMPREC,),
    differentiable=False,
    since="1.1",
    example="expect distinct_sites <= 4",
)


def formula(measure: Measure) -> str:
    return f"orbits of atoms, by operations that hold within {symprec(measure):g} Å"


@of_structures
def exact(structure: Structure, measure: Measure) -> int | None:
    """None where no space group is found."""
    found = dataset(structure, symprec(measure))
    return None if found is None else len(set(found.crystallographic_orbits.tolist()))
