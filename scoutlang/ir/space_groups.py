"""Space groups by number and symbol, their Wyckoff positions by size, and how the atoms of a cell
may be put on them. Torch-free.

An occupation is a group and the places of its Wyckoff positions that are taken, one for each orbit.
A position without free coordinates is taken once at most. `space_groups.json` has the positions of
International Tables for Crystallography A, and how often known crystals (those of ``mp-mini`` with
at most 20 atoms in a primitive cell) take which; `python -m tools.space_groups` makes it.
"""

from __future__ import annotations

import json
import math
import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

TABLE = Path(__file__).with_suffix(".json")

LAST_NUMBER = {
    "triclinic": 2,
    "monoclinic": 15,
    "orthorhombic": 74,
    "tetragonal": 142,
    "trigonal": 167,
    "hexagonal": 194,
    "cubic": 230,
}
"""The last space group of each crystal system."""

_ABOVE = {
    "orthorhombic": ("orthorhombic", "tetragonal", "hexagonal", "cubic"),
    "tetragonal": ("tetragonal", "cubic"),
    "trigonal": ("trigonal", "hexagonal", "cubic"),
    "hexagonal": ("hexagonal",),
    "cubic": ("cubic",),
}
"""Crystal systems of groups with a subgroup of a crystal system."""

_LAST_OF_POINT_GROUP = {
    "1": 1, "-1": 2, "2": 5, "m": 9, "2/m": 15, "222": 24, "mm2": 46, "mmm": 74, "4": 80, "-4": 82,
    "4/m": 88, "422": 98, "4mm": 110, "-42m": 122, "4/mmm": 142, "3": 146, "-3": 148, "32": 155,
    "3m": 161, "-3m": 167, "6": 173, "-6": 174, "6/m": 176, "622": 182, "6mm": 186, "-6m2": 190,
    "6/mmm": 194, "23": 199, "m-3": 206, "432": 214, "-43m": 220, "m-3m": 230,
}  # fmt: skip
"""Point group → the last space group of it; they follow each other."""

POINT_GROUPS = tuple(_LAST_OF_POINT_GROUP)
LAUE_CLASSES = frozenset(
    ("-1", "2/m", "mmm", "4/m", "4/mmm", "-3", "-3m", "6/m", "6/mmm", "m-3", "m-3m")
)
"""Point groups with a centre of inversion."""

_RENAMED = {"abm2": 39, "aba2": 41, "cmca": 64, "cmma": 67, "ccca": 68}
"""Symbols before the glide plane ``e`` (de Wolff et al., Acta Cryst. A 48, 727, 1992)."""

LAST = 230


def normalised(symbol: str) -> str:
    """Without blanks, underscores and capitals: ``P 2_1/c`` and ``P21/c`` are the same."""
    return "".join(symbol.split()).replace("_", "").lower()


@cache
def _table() -> Mapping[str, Any]:
    data: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return data


def symbols() -> Mapping[str, int]:
    """Normalised symbol → number, of all settings."""
    found: Mapping[str, int] = _table()["symbols"] | _RENAMED
    return found


def number_of(symbol: str) -> int | None:
    """``Fm-3m`` → 225; None for what is no Hermann-Mauguin symbol."""
    return symbols().get(normalised(symbol))


def crystal_system(number: int) -> str:
    return list(LAST_NUMBER)[bisect_left(list(LAST_NUMBER.values()), number)]


def point_group(number: int) -> str:
    return POINT_GROUPS[bisect_left(list(_LAST_OF_POINT_GROUP.values()), number)]


def operations(number: int) -> int:
    """The order of the point group, 1 to 48: operations beside lattice translations."""
    general: int = _table()["positions"][str(number)][-1][0]
    return general


def may_contain(number: int, other: int) -> bool:
    """Whether crystals of the first group may have all operations of the second: false where the
    point groups rule it out (by their order, axes, or a centre of inversion), true also where
    something else does.
    """
    if crystal_system(number) not in _ABOVE.get(crystal_system(other), LAST_NUMBER):
        return False
    of, order = operations(number), operations(other)
    if of == order:
        return point_group(number) == point_group(other)
    centred, needed = (point_group(n) in LAUE_CLASSES for n in (number, other))
    return of % order == 0 and (centred or not needed)


class Occupation(NamedTuple):
    """A group and the places of its Wyckoff positions that are taken, one for each orbit."""

    group: int
    orbits: tuple[int, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sites of each orbit in the primitive cell."""
        positions = _table()["positions"][str(self.group)]
        return tuple(positions[place][0] for place in self.orbits)


@dataclass(frozen=True)
class Filled:
    """An occupation with the element of each orbit, where a formula is given."""

    occupation: Occupation
    elements: tuple[str, ...] | None = None


class Occupations:
    """The ways in which a cell of so many atoms can have one of these groups.

    Known crystals decide: an occupation is as likely as it is frequent among them, where it has an
    orbit for each element and, where there is a formula, can hold it; then each way to put the
    elements on the orbits is equally likely. For sizes of which no known crystal is such a one, and
    only if that is so for all sizes in question, each group that can be filled is equally likely,
    and in it each way of filling it.
    """

    def __init__(
        self,
        groups: Iterable[int],
        elements: int,
        formula: Sequence[tuple[str, int]] | None = None,
    ) -> None:
        """elements: how many must find a place. formula: (symbol, number) of one unit."""
        self._groups = tuple(groups)
        self._formula = tuple(formula or ())
        self._elements = elements
        self._known: dict[int, list[tuple[Occupation, int]]] | None = None

    def work(self, atoms: int) -> int:
        """About how much is counted for cells of up to so many atoms where no known crystal fits,
        in steps of some microseconds.
        """
        unit = sum(count for _, count in self._formula)
        amounts = [count * (atoms // unit) for _, count in self._formula] or [atoms]
        return len(self._groups) * math.prod(n + 1 for n in amounts)

    def sizes(self, candidates: Iterable[int]) -> list[int]:
        """Those numbers of atoms for which `draw` has something to draw from."""
        asked = list(candidates)
        known = [n for n in asked if self._from_known(n)]
        return known or [n for n in asked if self._groups_that_hold(n)]

    def draw(self, atoms: int, draw: random.Random) -> Filled:
        """One of them for a size that `sizes` gave."""
        if known := self._from_known(atoms):
            occupation = draw.choices([one for one, _ in known], [count for _, count in known])[0]
            if not self._formula:
                return Filled(occupation)
            sizes = occupation.sizes
            ways = _Ways([(size, False) for size in sizes], once=True)
            return self._filled(occupation.group, ways, atoms, draw, occupation.orbits)
        group = draw.choice(self._groups_that_hold(atoms))
        return self._filled(group, _of_group(group), atoms, draw, None)

    # ------------------------------------------------------------------ known crystals

    def _from_known(self, atoms: int) -> list[tuple[Occupation, int]]:
        if self._known is None:
            self._known = {}
            for group in self._groups:
                for orbits, count in _table()["known"].get(str(group), ()):
                    one = Occupation(group, tuple(orbits))
                    if self._fits(one):
                        self._known.setdefault(sum(one.sizes), []).append((one, count))
        return self._known.get(atoms, [])

    def _fits(self, occupation: Occupation) -> bool:
        sizes = occupation.sizes
        if not self._formula:
            return len(sizes) >= self._elements
        amounts = self._amounts(sum(sizes))
        if amounts is None:
            return False
        return _Ways([(size, False) for size in sizes], once=True).count(amounts, 0) > 0

    # ------------------------------------------------------------------ all ways

    def _groups_that_hold(self, atoms: int) -> list[int]:
        amounts, least = self._amounts(atoms), 0 if self._formula else self._elements
        if amounts is None:
            return []
        return [g for g in self._groups if _of_group(g).count(amounts, least) > 0]

    def _amounts(self, atoms: int) -> tuple[int, ...] | None:
        """Atoms of each element; of all together where there is no formula."""
        if not self._formula:
            return (atoms,)
        unit = sum(count for _, count in self._formula)
        if atoms % unit:
            return None
        return tuple(count * atoms // unit for _, count in self._formula)

    def _filled(
        self,
        group: int,
        ways: _Ways,
        atoms: int,
        draw: random.Random,
        orbits: tuple[int, ...] | None,
    ) -> Filled:
        amounts = self._amounts(atoms)
        assert amounts is not None
        least = 0 if self._formula else self._elements
        chosen = ways.draw(amounts, least, draw)
        places = tuple(place if orbits is None else orbits[place] for place, _ in chosen)
        elements = tuple(self._formula[e][0] for _, e in chosen) if self._formula else None
        return Filled(Occupation(group, places), elements)


@cache
def _of_group(group: int) -> _Ways:
    positions = _table()["positions"][str(group)]
    return _Ways([(size, free > 0) for size, free in positions])


class _Ways:
    """In how many ways orbits of given sizes can hold given amounts."""

    def __init__(self, positions: Sequence[tuple[int, bool]], *, once: bool = False) -> None:
        """positions: (sites, whether it can be taken again). once: each is taken, exactly once."""
        self._positions, self._once = positions, once
        self._count: Callable[..., int] = cache(self._counted)

    def count(self, amounts: tuple[int, ...], least: int) -> int:
        """With at least so many orbits."""
        return self._count(0, 0, amounts, least)

    def draw(
        self, amounts: tuple[int, ...], least: int, draw: random.Random
    ) -> list[tuple[int, int]]:
        """One of them, all equally likely: (position, place of its amount) of each orbit."""
        chosen, state = [], (0, 0, amounts, least)
        while state[0] < len(self._positions):
            steps = self._next(*state)
            ways = [self._count(*following) for _, following in steps]
            pick = draw.randrange(sum(ways))
            taken, following = steps[bisect_right(list(accumulate(ways)), pick)]
            if taken is not None:
                chosen.append((state[0], taken))
            state = following
        return chosen

    def _counted(self, place: int, first: int, amounts: tuple[int, ...], least: int) -> int:
        if place == len(self._positions):
            return int(not any(amounts) and least == 0)
        return sum(
            self._count(*following) for _, following in self._next(place, first, amounts, least)
        )

    def _next(
        self, place: int, first: int, amounts: tuple[int, ...], least: int
    ) -> list[tuple[int | None, tuple[int, int, tuple[int, ...], int]]]:
        """What may follow when the positions before ``place`` are settled, and this one is not
        taken by amounts before ``first``: (amount that takes it, or None to go on; what is left).
        """
        size, again = self._positions[place]
        following: list[tuple[int | None, tuple[int, int, tuple[int, ...], int]]] = []
        if not self._once:
            following.append((None, (place + 1, 0, amounts, least)))
        for k in range(first, len(amounts)):
            if amounts[k] >= size:
                left = (*amounts[:k], amounts[k] - size, *amounts[k + 1 :])
                then = (place, k) if again else (place + 1, 0)
                following.append((k, (*then, left, max(least - 1, 0))))
        return following
