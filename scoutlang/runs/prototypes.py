"""Substitution into known crystals: each crystal of a reference is a prototype, and the elements of
another system take the places of its own, one element for one.

What is yielded differs from every crystal of the reference and from what was yielded before, as
`validation.matching` compares, so that equivalent assignments (rock salt with its two elements
exchanged) and crystals of one structure type count once. Of several crystals of one type the
nearest stands for it.

Near is meant in the periodic table: groups and rows between an element and the one in its place,
in the mean over the elements. The volume follows that of the prototype, by the volumes of the atoms
that are exchanged. docs/references.md has the measurements behind both.
"""

from __future__ import annotations

import difflib
import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from pymatgen.core import Element, Structure
from scipy.optimize import lsq_linear

from scoutlang.descriptors import spacegroup
from scoutlang.ir.elements import ATOMIC_NUMBER, SYMBOLS
from scoutlang.potentials import SMALLEST_VOLUME
from scoutlang.support.errors import ScoutError
from scoutlang.validation.matching import Known, TooSlender, reduced, slender
from scoutlang.validation.reference import Reference, ReferenceStructure
from scoutlang.validation.reference.table import rows

MAX_ATOMS = 20
"""In the primitive cell of a prototype."""

MAX_ELEMENTS = 6
"""Of a system; `mp-mini` gives about 700 000 assignments of six elements."""


@dataclass(frozen=True)
class Prototype:
    """A known crystal whose elements are places for others."""

    id: str
    """That of the crystal in the reference, with its source where two sources share the id."""
    crystal: ReferenceStructure

    @cached_property
    def structure(self) -> Structure:
        """Its primitive Niggli cell."""
        return reduced(self.crystal.structure)

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """In alphabetical order."""
        return tuple(sorted(self.crystal.structure.composition.chemical_system_set))

    @cached_property
    def space_group(self) -> int | None:
        """Its number, by operations that hold within 0.1 Å."""
        return spacegroup.number(self.structure, spacegroup.DEFAULT_SYMPREC)


@dataclass(frozen=True)
class Candidate:
    """A prototype with the elements of the system in their places."""

    prototype: Prototype
    substitution: Mapping[str, str]
    """Element of the prototype → element in its place."""
    distance: float
    """Groups and rows of the periodic table between the two, in the mean over the elements."""
    structure: Structure
    """Primitive cell, of the volume that is expected."""

    @property
    def id(self) -> str:
        """``mp-22862 Cl>P Na>Cu``."""
        return " ".join([self.prototype.id, *map(">".join, self.substitution.items())])


class Substitutions:
    """The candidates of a system, nearest first. The systems inside it take turns, those with more
    elements first, so that each has its share of any number of candidates.
    """

    def __init__(
        self,
        reference: Reference,
        system: Sequence[str],
        *,
        sizes: Collection[int] | None = None,
        max_atoms: int = MAX_ATOMS,
    ) -> None:
        """sizes: how many elements a candidate may have; from two to all of the system unless said,
        and one of a system of one.

        Raises ScoutError E462: not a system of one to six elements, or one of them is not in the
        reference.
        """
        self.system = checked_system(system)
        """In alphabetical order."""
        self.sizes = sorted(
            sizes or range(min(2, len(self.system)), len(self.system) + 1), reverse=True
        )
        crystals = [one for one in rows(reference.table) if not slender(one.structure)]
        self.prototypes = _prototypes(crystals, self.sizes, max_atoms)
        self.left_out: Counter[str] = Counter()
        """Reason → how many assignments were passed over, in the last iteration up to here."""
        self._volumes = _atomic_volumes([one.structure for one in crystals])
        self._known = [
            one
            for one in reference.subset(self.system)
            if len(one.structure.composition) in self.sizes
        ]
        if absent := [e for e in self.system if e not in self._volumes]:
            raise ScoutError(
                "E462",
                f"the reference set '{reference.name}' has no crystal with {', '.join(absent)}",
                f"join it with one that has: {reference.name}+mp-mini",
            )

    @cached_property
    def assignments(self) -> int:
        """How many ways there are to fill a prototype, before equal ones are left out."""
        n = len(self.system)
        ways = Counter(len(p.elements) for p in self.prototypes)
        return sum(
            count * len(list(itertools.permutations(range(n), k))) for k, count in ways.items()
        )

    def __iter__(self) -> Iterator[Candidate]:
        self.left_out.clear()
        inside = (
            chosen for size in self.sizes for chosen in itertools.combinations(self.system, size)
        )
        for turn in itertools.zip_longest(*map(self._of, inside)):
            yield from filter(None, turn)

    def _of(self, elements: tuple[str, ...]) -> Iterator[Candidate]:
        """The candidates that hold exactly these elements."""
        known, earlier = Known(), Known()
        for one in self._known:
            if one.structure.composition.chemical_system_set == set(elements):
                with suppress(TooSlender):
                    known.add(one.id, reduced(one.structure))
        fitting = (p for p in self.prototypes if len(p.elements) == len(elements))
        filled = [
            (_distance(prototype.elements, order), prototype, order)
            for prototype in fitting
            for order in itertools.permutations(elements)
        ]
        for distance, prototype, order in sorted(filled, key=lambda one: one[0]):
            substitution = dict(zip(prototype.elements, order, strict=True))
            structure = self._substituted(prototype, substitution)
            if known.find(structure):
                self.left_out["in the reference"] += 1
            elif earlier.find(structure):
                self.left_out["the same as a nearer candidate"] += 1
            else:
                candidate = Candidate(prototype, substitution, distance, structure)
                earlier.add(candidate.id, structure)
                yield candidate

    def _substituted(self, prototype: Prototype, substitution: Mapping[str, str]) -> Structure:
        """The prototype with other elements, its volume scaled by the sum of the volumes of its
        atoms.
        """
        old = prototype.structure
        symbols = [site.specie.symbol for site in old]
        before = sum(self._volumes[symbol] for symbol in symbols)
        after = sum(self._volumes[substitution[symbol]] for symbol in symbols)
        return Structure(
            old.lattice.scale(old.volume * after / before),
            [substitution[symbol] for symbol in symbols],
            old.frac_coords,
        )


def checked_system(system: Sequence[str]) -> tuple[str, ...]:
    """Its elements, each once, in alphabetical order. Raises ScoutError E462 where one of them is
    none, or there are none or more than `MAX_ELEMENTS`.
    """
    hint = f"give 1 to {MAX_ELEMENTS} elements joined by hyphens: Cu-Si-P"
    for symbol in system:
        if symbol not in ATOMIC_NUMBER:
            near = difflib.get_close_matches(symbol.strip().capitalize()[:3], SYMBOLS, n=1)
            guess = f"did you mean {near[0]}? " if near else ""
            raise ScoutError("E462", f"{symbol[:40]!r} is no element", guess + hint)
    elements = tuple(sorted(set(system)))
    if not 1 <= len(elements) <= MAX_ELEMENTS:
        raise ScoutError("E462", f"a system of {len(elements)} elements cannot be filled", hint)
    return elements


def _prototypes(
    crystals: Sequence[ReferenceStructure], sizes: Collection[int], max_atoms: int
) -> list[Prototype]:
    """The crystals with so many elements and atoms, in their order."""
    sources = Counter(one.id for one in crystals)
    found = (
        Prototype(one.id if sources[one.id] == 1 else f"{one.source}/{one.id}", one)
        for one in crystals
        if len(one.structure.composition) in sizes
    )
    # reducing takes some ms, and most cells are small before it
    return [
        p for p in found if len(p.crystal.structure) <= max_atoms or len(p.structure) <= max_atoms
    ]


def _atomic_volumes(crystals: Sequence[Structure]) -> dict[str, float]:
    """Element → Å^3: the volumes of atoms whose sums come nearest to the volumes per atom of the
    crystals, by least squares, none smaller than `SMALLEST_VOLUME`.
    """
    elements = sorted({symbol for s in crystals for symbol in s.composition.chemical_system_set})
    column = {symbol: n for n, symbol in enumerate(elements)}
    shares = np.zeros((len(crystals), len(elements)))
    for row, structure in zip(shares, crystals, strict=True):
        for element, share in structure.composition.fractional_composition.items():
            row[column[element.symbol]] = share
    volumes = np.array([s.volume / len(s) for s in crystals])
    fitted = lsq_linear(shares, volumes, bounds=(SMALLEST_VOLUME, np.inf)).x
    return dict(zip(elements, map(float, fitted), strict=True))


def _distance(before: Sequence[str], after: Sequence[str]) -> float:
    return float(np.mean([_apart(a, b) for a, b in zip(before, after, strict=True)]))


@cache
def _apart(one: str, other: str) -> int:
    a, b = Element(one), Element(other)
    return abs(int(a.group) - int(b.group)) + abs(int(a.row) - int(b.row))
