"""When two structures are the same: pymatgen's StructureMatcher with its default tolerances.

Lengths 0.2, sites 0.3 of the free length per atom, angles 5°, primitive cells, volumes scaled to be
equal: the settings of MatterGen and of the paper. A `Rule` may ask for more. The matcher takes 1 to
11 ms for a pair, so `Known` names only pairs that pass two conditions without which it cannot match
them: the primitive cells hold the same atoms, and one lattice has vectors of the lengths and angles
of the other's cell. Among 10 000 sampled Cu-Si-P crystals 5.9 % of 465 000 pairs with the same
atoms were left, and it matched 10 % of those.

Average minimum distances (AMD; Widdowson et al., MATCH 87, 529 (2022)) do not help: the matcher is
so tolerant that pairs which it matches differ by up to 0.26 (Cu-Si-P, 441 pairs) and 0.40 (boron,
2018 pairs) in the largest of 100 AMDs at 1 Å^3 per atom. Above that lie 1.0 % and 0.1 % of the
pairs that it is asked about in vain, and any closer bound would change results.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure

from scoutlang.descriptors import signatures
from scoutlang.ir import Program, measures


class _Lattice(Lattice):  # type: ignore[misc]
    """A lattice that derives what hangs on it once."""

    @cached_property
    def reciprocal_lattice(self) -> Lattice:
        return super().reciprocal_lattice

    @cached_property
    def lll_inverse(self) -> NDArray[np.float64]:
        inverse: NDArray[np.float64] = super().lll_inverse
        return inverse

    @cached_property
    def _reduced(self) -> Lattice:
        return super().get_lll_reduced_lattice()

    def get_lll_reduced_lattice(self, delta: float = 0.75) -> Lattice:
        return self._reduced if delta == 0.75 else super().get_lll_reduced_lattice(delta)


class _Matcher(StructureMatcher):  # type: ignore[misc]
    """pymatgen's, which asks a lattice for these things at every shift of the atoms that it tries.

    For crystals of one element this saves a fifth of the time of `unique`: 3.9 s instead of 4.9 for
    500, 107 s instead of 136 for 10 000 on two cores. For three elements it saves nothing.
    """

    def _get_supercells(self, *structures: Any) -> Iterator[tuple[Any, Any, Lattice, Any]]:
        for first, second, mean, matrix in super()._get_supercells(*structures):
            yield first, second, _Lattice(mean.matrix), matrix


class _HandedMatcher(_Matcher):
    """It maps a lattice only onto one of the same hand, so that no crystal becomes its mirror
    image.
    """

    def _get_lattices(self, target_lattice: Lattice, *rest: Any) -> Iterator[tuple[Lattice, Any]]:
        hand = np.sign(np.linalg.det(target_lattice.matrix))
        for lattice, matrix in super()._get_lattices(target_lattice, *rest):
            if np.sign(np.linalg.det(lattice.matrix)) == hand:
                yield lattice, matrix


_MATCHER, _HANDED_MATCHER = _Matcher(), _HandedMatcher()
# relative, and degrees: far above the error of an angle near 0°, far below the tolerances
_ROUNDING = 1e-4
_LENGTHS = (1 + _MATCHER.ltol) * (1 + _ROUNDING)
_ANGLES = _MATCHER.angle_tol + _ROUNDING
_VOLUMES = 1 + _MATCHER.ltol


MAX_VECTORS = 30_000
"""Lattice vectors up to the longest edge of a cell: what comparing it takes grows with the square
of that. An edge of 100 Å over a base of 2.5 Å has half as many.
"""


class TooSlender(ValueError):
    """A cell so long and thin, or so flat, that comparing it has no useful bound of time."""

    def __init__(self) -> None:
        super().__init__("the cell is too long and thin, or too flat, to be compared")


@dataclass(frozen=True)
class Rule:
    """What two structures must have in common beside what the matcher asks for."""

    volume: bool = False
    """The volume, within the tolerance that the matcher has for lengths: one is at most 1.2 times
    the other.
    """
    hand: bool = False
    """The hand: mirror images are different unless a rotation makes them the same."""

    @classmethod
    def of(cls, program: Program) -> Rule:
        """Volume where any line of the program measures a size, hand where one asks for it."""
        measured = [m for term in program.terms for m in measures(term.claim)]
        catalogue = signatures()
        return cls(
            volume=any(catalogue[m.descriptor].measures_size for m in measured),
            hand=any(m.descriptor == "unique" and m.choice("hands") == "apart" for m in measured),
        )


ANY = Rule()
"""The matcher alone."""


SCALED = "after scaling to equal volume"


def scaling(a: Structure, b: Structure) -> str:
    """What is to be said of two structures that are the same: empty where their volumes for each
    atom differ by no more than lengths may.
    """
    ratio = (a.volume / len(a)) / (b.volume / len(b))
    return "" if max(ratio, 1 / ratio) <= _VOLUMES else f" {SCALED} (it has {ratio:.2f} of it)"


def reduced(structure: Structure) -> Structure:
    """The primitive Niggli cell: what the matcher would otherwise make of both structures at every
    comparison (half of its time). Raises TooSlender.
    """
    _refuse_slender(_of_unit_volume(structure).get_lll_reduced_lattice())
    return structure.get_reduced_structure().get_primitive_structure()


def slender(structure: Structure) -> bool:
    """Whether a cell is too long and thin, or too flat, to be compared (`TooSlender`)."""
    try:
        _refuse_slender(_of_unit_volume(structure).get_lll_reduced_lattice())
    except TooSlender:
        return True
    return False


def same(a: Structure, b: Structure, rule: Rule = ANY) -> bool:
    """Whether two `reduced` structures of the same atoms match: either one the other, or the other
    it. The matcher itself prefers a direction (7 of 384 pairs of sampled Cu-Si-P crystals, and 1 of
    89 groups of the demo). Symmetric, but not transitive.
    """
    if rule.volume and max(a.volume, b.volume) > _VOLUMES * min(a.volume, b.volume):
        return False
    matcher = _HANDED_MATCHER if rule.hand else _MATCHER
    return any(matcher.fit(*pair, skip_structure_reduction=True) for pair in ((a, b), (b, a)))


class _Directions:
    """The vectors of a lattice, by length."""

    def __init__(self, lattice: Lattice) -> None:
        self._lattice = lattice
        self._reach = 0.0
        self._norms = np.empty(0)
        self._units = np.empty((0, 3))

    def of_lengths(self, lengths: NDArray[np.float64]) -> list[NDArray[np.float64]] | None:
        """Directions (m, 3) of the vectors as long as a, b and c (3,), None where an edge has
        none.
        """
        self._look(_LENGTHS * float(lengths.max()))
        first = np.searchsorted(self._norms, lengths / _LENGTHS, side="right")
        last = np.searchsorted(self._norms, lengths * _LENGTHS)
        if not (first < last).all():
            return None
        return [self._units[i:j] for i, j in zip(first, last, strict=True)]

    def _look(self, longest: float) -> None:
        if longest <= self._reach:
            return
        self._reach = 1.2 * longest
        vectors = _vectors(self._lattice, self._reach)
        norms = np.linalg.norm(vectors, axis=1)
        order = norms.argsort()
        self._norms, self._units = norms[order], vectors[order] / norms[order, None]


class _Kind:
    """A structure that others are compared with."""

    def __init__(self, id_: str, structure: Structure) -> None:
        lattice = _of_unit_volume(structure)
        angles = np.clip(np.array(lattice.angles) + np.array([[_ANGLES], [-_ANGLES]]), 0, 180)
        self.id = id_
        self.structure = structure
        self.directions = _Directions(lattice)
        self.lengths = np.array(lattice.lengths)
        """(3,) of the cell, scaled to a volume of 1."""
        self.cosines = np.cos(np.radians(angles))
        """(2, 3), the least and the greatest, of angles that are near enough to those of the
        cell.
        """

    def maps_to(self, other: _Kind) -> bool:
        """Whether its lattice has a cell like that of the other."""
        edges = self.directions.of_lengths(other.lengths)
        return edges is not None and _has_cell(edges, other.cosines)


class Known:
    """`reduced` structures with their ids, among which those that may be the same are found
    fast.
    """

    def __init__(self) -> None:
        self._kinds: defaultdict[tuple[tuple[str, float], ...], list[_Kind]] = defaultdict(list)

    def add(self, id_: str, structure: Structure) -> None:
        """Raises TooSlender."""
        _refuse_slender(_of_unit_volume(structure))
        self._kinds[atoms(structure)].append(_Kind(id_, structure))

    def find(self, structure: Structure, rule: Rule = ANY) -> str | None:
        """The id of the first one, in the order in which they were added, that matches."""
        return next(
            (id_ for id_, other in self.near(structure) if same(structure, other, rule)), None
        )

    def near(self, structure: Structure) -> Iterator[tuple[str, Structure]]:
        """Those that may match in either direction, in the order in which they were added; no other
        does. Raises TooSlender.
        """
        _refuse_slender(_of_unit_volume(structure))
        kinds = self._kinds.get(atoms(structure))
        if not kinds:
            return
        own = _Kind("", structure)
        for kind in kinds:
            if own.maps_to(kind) or kind.maps_to(own):
                yield kind.id, kind.structure


def atoms(structure: Structure) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(structure.composition.as_dict().items()))


def _of_unit_volume(structure: Structure) -> Lattice:
    return Lattice(structure.lattice.matrix / structure.volume ** (1 / 3))


def _refuse_slender(lattice: Lattice) -> None:
    """Of a volume of 1: as many vectors as the sphere has volume. Raises TooSlender."""
    if 4 / 3 * np.pi * (_LENGTHS * max(lattice.abc)) ** 3 > MAX_VECTORS:
        raise TooSlender


def _vectors(lattice: Lattice, longest: float) -> NDArray[np.float64]:
    """(m, 3), all vectors of the lattice up to a length, but 0."""
    frac = np.asarray(
        lattice.get_points_in_sphere([[0, 0, 0]], [0, 0, 0], longest, zip_results=False)[0],
        dtype=np.float64,
    )
    vectors: NDArray[np.float64] = frac[np.any(frac != 0, axis=1)] @ lattice.matrix
    return vectors


def _has_cell(edges: Sequence[NDArray[np.float64]], cosines: NDArray[np.float64]) -> bool:
    """Whether three lattice vectors have the lengths and angles of a cell: the matcher tries no
    other map of lattices (`Lattice.find_all_mappings`).

    edges: directions (m, 3) of the vectors as long as a, b and c. cosines: (2, 3), as in `_Kind`.
    """
    least, greatest = cosines
    a, b, c = edges
    alpha = _within(b @ c.T, least[0], greatest[0])
    beta = _within(a @ c.T, least[1], greatest[1])
    gamma = _within(a @ b.T, least[2], greatest[2])
    return bool(((gamma @ alpha) & beta).any())


def _within(cosines: NDArray[np.float64], least: float, greatest: float) -> NDArray[np.bool_]:
    return (cosines >= least - 1e-12) & (cosines <= greatest + 1e-12)
