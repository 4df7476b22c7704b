"""Which space group does the crystal have, and how exactly? Nothing is symmetrised that others
judge: every stage sees the crystal as sampled.

Sampled atoms are near their ideal places, not on them, so the answer depends on the tolerance. The
ladder goes from loose to tight, and the first step counts at which the symmetrised crystal is still
the same: no atom moves further than the step allows, and no term of the program changes its truth.
The group is found by moyopy, and spglib is asked at the same step (A. Togo, K. Shinohara, I.
Tanaka, Sci. Technol. Adv. Mater., Meth. 4, 2384822 (2024), doi:10.1080/27660400.2024.2384822). The
descriptor `spacegroup` is spglib's number at a tolerance of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import moyopy
import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from scoutlang.descriptors.spacegroup import dataset
from scoutlang.evaluation.measure import measure_terms
from scoutlang.ir import Program
from scoutlang.validation.record import Outcome, Record, Value
from scoutlang.validation.stages import Column, Context, Stage, one_by_one

# else what it omits goes to the terminal
logging.getLogger("moyo").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Symmetry(Stage):
    """passed: a group is found. undefined: none is, or the crystal is another one after each step.
    Where moyopy might not return (`_returns`) or finds nothing, the group is spglib's.
    """

    ladder: tuple[float, ...] = (0.1, 0.03, 0.01)
    """Tolerances in Å, from loose to tight."""

    name = "symmetry"
    question = (
        "space group, at the loosest tolerance that moves no atom too far and changes no term"
    )
    needs = ("screen",)
    seconds = 0.01
    adds = (
        Column(
            "space_group_symbol",
            "Hermann-Mauguin symbol, of the symmetrised structure",
            "text",
            "space group",
        ),
        Column(
            "space_group",
            "in International Tables for Crystallography A",
            title="space group no.",
        ),
        "symprec",  # Å, the step of the ladder
        # Å, how far the furthest atom is from its ideal place, a common shift taken off; None in
        # P1, where no place is ideal
        "symmetry_moved",
        "space_group_spglib",
        "space_groups_agree",  # None where only one of the two programs has a group
    )
    asks = ("program",)

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        return one_by_one(
            lambda record: self._ask(record.structure, context.program), records, context
        )

    def _ask(self, structure: Structure, program: Program) -> Outcome:
        changed = ""
        for step in self.ladder:
            by_moyopy, by_spglib = moyopy_group(structure, step), spglib_group(structure, step)
            group = by_moyopy or by_spglib
            if group is None:
                continue
            moved = group.moved(structure)
            if moved is not None and moved > step:
                changed = f"at {step:g} Å {group.symbol} moves an atom by {moved:.2g} Å"
            elif moved is not None and (
                terms := _changed_terms(program, structure, group.structure)
            ):
                changed = f"at {step:g} Å {group.symbol} changes {', '.join(terms)}"
            else:
                return Outcome("passed", values=_values(group, step, moved, by_moyopy, by_spglib))
        return Outcome("undefined", changed or "no program finds a space group")


@dataclass(frozen=True)
class Group:
    """A space group, and the crystal with all atoms on their ideal places: its own cell and order
    of atoms, in any orientation.
    """

    number: int
    structure: Structure

    @property
    def symbol(self) -> str:
        """Hermann-Mauguin, short: ``P2_1/c``."""
        return str(moyopy.SpaceGroupType(self.number).hm_short).replace(" ", "")

    def moved(self, structure: Structure) -> float | None:
        """Å, the largest shift of an atom from a structure to this one, in the cell of that
        structure, without the common shift.
        """
        if self.number == 1:
            return None
        shifts = (self.structure.frac_coords - structure.frac_coords) @ structure.lattice.matrix
        return float(np.linalg.norm(shifts - shifts.mean(axis=0), axis=1).max())


def moyopy_group(structure: Structure, symprec: float) -> Group | None:
    """None where moyopy finds none, or might search for ever."""
    if not _returns(structure, symprec):
        return None
    cell = moyopy.Cell(
        structure.lattice.matrix.tolist(),
        structure.frac_coords.tolist(),
        list(structure.atomic_numbers),
    )
    try:
        found = moyopy.MoyoDataset(cell, symprec=symprec)
    except ValueError:  # its way to say that there is none
        return None
    ideal = Structure(found.std_cell.basis, found.std_cell.numbers, found.std_cell.positions)
    inverse = np.linalg.inv(found.std_linear)
    return Group(
        int(found.number), _idealised(structure, ideal, inverse, -inverse @ found.std_origin_shift)
    )


def spglib_group(structure: Structure, symprec: float) -> Group | None:
    """None where spglib finds none."""
    found = dataset(structure, symprec)
    if found is None:
        return None
    ideal = Structure(found.std_lattice, found.std_types, found.std_positions)
    return Group(
        int(found.number),
        _idealised(structure, ideal, found.transformation_matrix, found.origin_shift),
    )


def _idealised(
    structure: Structure, ideal: Structure, linear: NDArray[np.float64], shift: NDArray[np.float64]
) -> Structure:
    """A structure on the places of its standardised cell, where its own are x' = ``linear`` x +
    ``shift``.
    """
    own = structure.frac_coords @ linear.T + shift
    away = own[:, None] - ideal.frac_coords
    away -= np.round(away)
    distances = np.linalg.norm(away @ ideal.lattice.matrix, axis=-1)
    distances[np.not_equal.outer(structure.atomic_numbers, ideal.atomic_numbers)] = np.inf
    nearest = own - away[np.arange(len(own)), distances.argmin(axis=1)]
    return Structure(
        linear.T @ ideal.lattice.matrix,
        structure.species,
        (nearest - shift) @ np.linalg.inv(linear).T,
    )


def _returns(structure: Structure, symprec: float) -> bool:
    """Whether moyopy is known to come back from its search, which has no end where shears pass for
    symmetries of the lattice.

    It takes integer matrices that keep lengths l and angles θ, |Δl| < symprec and sin² Δθ l l' <
    symprec², and multiplies them until nothing new appears. Two mirrors of vectors a ⊥ c make the
    shear c → c + a of infinite order, and both pass where a³ < 4 symprec² c. As moyopy may double
    symprec by itself, 16 takes the place of 4. The lattice it looks at is the primitive one. Its
    longest vector is at most that of the cell; one as short as a would take every atom to one of
    its element, there and back.
    """
    longest = np.linalg.norm(
        moyopy.niggli_reduce(structure.lattice.matrix.tolist())[0], axis=1
    ).max()
    first, second, _, _ = structure.get_neighbor_list(
        2 * symprec + (16 * symprec**2 * longest) ** (1 / 3)
    )
    numbers = np.array(structure.atomic_numbers)
    near = np.bincount(first[numbers[first] == numbers[second]], minlength=len(numbers))
    return bool(near.min() < 2)


def _changed_terms(program: Program, before: Structure, after: Structure) -> list[str]:
    """Labels of the terms that are not as true of the one as of the other."""
    pairs = zip(*measure_terms(program.terms, [before, after]), strict=True)
    return [one.label for one, other in pairs if one.satisfied != other.satisfied]


def _values(
    group: Group, step: float, moved: float | None, by_moyopy: Group | None, by_spglib: Group | None
) -> dict[str, Value]:
    return {
        "space_group": group.number,
        "space_group_symbol": group.symbol,
        "symprec": step,
        "symmetry_moved": moved,
        "space_group_spglib": by_spglib.number if by_spglib else None,
        "space_groups_agree": by_moyopy.number == by_spglib.number
        if by_moyopy and by_spglib
        else None,
    }


STAGE = Symmetry()
