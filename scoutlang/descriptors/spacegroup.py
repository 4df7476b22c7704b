"""spacegroup: number of the space group, 1 to 230 (International Tables for Crystallography A),
found by spglib.

``symprec``, in Å, is how far an atom may be from where an operation of the group takes an atom of
its kind; 0.1 Å suits unrelaxed crystals, 0.01 Å those of experiments. The number is that of the
atoms' arrangement, whatever cell describes it; near the tolerance the choice of cell may decide.
Undefined where two atoms are closer than twice ``symprec``, because they cannot be told apart then,
and where spglib finds no group.

A group is named by its number or its symbol in any setting, ``Fm-3m``, ``P6_3/mmc``, ``P21/n``, a
symbol with blanks in quotes. Numbers are ordered by crystal system, so ranges mean something:
``>= 75`` is tetragonal or higher.
Judged only: a group has no gradient.

Source: A. Togo, K. Shinohara, I. Tanaka, Sci. Technol. Adv. Mater., Meth. 4, 2384822 (2024),
doi:10.1080/27660400.2024.2384822.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from scoutlang.descriptors._values import of_structures
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature, Parameter
from scoutlang.ir.space_groups import number_of, point_group

if TYPE_CHECKING:
    from pymatgen.core import Structure
    from spglib import SpglibDataset

    from scoutlang.crystals.batch import CrystalBatch
    from scoutlang.crystals.neighbours import DescriptorValue

DEFAULT_SYMPREC = 0.1
SYMPREC = Parameter("symprec", "length", "0.1 Å", 1e-4, 0.5)

SIGNATURE = DescriptorSignature(
    name="spacegroup",
    summary="number of the space group, 1 to 230",
    minimum=1,
    maximum=230,
    parameters=(SYMPREC,),
    differentiable=False,
    number_of=number_of,
    by_group=float,
    example="expect spacegroup = P6_3/mmc",
)


@of_structures
def exact(structure: Structure, measure: Measure) -> int | None:
    """1 to 230, None where no group is found."""
    return number(structure, symprec(measure))


def formula(measure: Measure) -> str:
    return f"space-group number, by operations that hold within {symprec(measure):g} Å"


def symprec(measure: Measure) -> float:
    """Å."""
    return measure.parameter("symprec") or DEFAULT_SYMPREC


def number(structure: Structure, symprec: float) -> int | None:
    """Space-group number, None where there is none to be found."""
    found = dataset(structure, symprec)
    return None if found is None else int(found.number)


def by_number(of: Callable[[int], float]) -> Callable[[CrystalBatch, Measure], DescriptorValue]:
    """→ exact of what the number of the space group decides; undefined where none is found."""

    def ask(structure: Structure, measure: Measure) -> float | None:
        found = number(structure, symprec(measure))
        return None if found is None else of(found)

    return of_structures(ask)


def by_class(classes: frozenset[str]) -> Callable[[int], float]:
    """Of the number of a space group, whether its point group is one of these."""
    return lambda number: float(point_group(number) in classes)


def dataset(structure: Structure, symprec: float) -> SpglibDataset | None:
    """All that spglib says, None where atoms are too close for ``symprec`` (Å), or it finds no
    group.
    """
    import spglib

    if len(structure.get_neighbor_list(2 * symprec)[0]):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own changes in error handling
        return spglib.get_symmetry_dataset(
            (structure.lattice.matrix, structure.frac_coords, structure.atomic_numbers),
            symprec=symprec,
        )
