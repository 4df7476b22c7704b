"""Numbers of both arms as bars of text, side by side in the same bins. No bin holds both what
satisfies a claim and what does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scoutlang.ir import Arm, Relation
from scoutlang.validation.record import Value

_BINS = 10  # about as many, where a bound is kept
_BAR = 24  # columns of the longest bar, where there is room
_FUZZ = 1e-9  # of a bin: what rounding moves

Point = tuple[Value, bool | None]
"""A value, and whether it satisfies; None where nothing is asked of it."""


@dataclass(frozen=True)
class Axis:
    """What is known of the values."""

    low: float | None = None
    """The least value that satisfies, None where there is no such bound."""
    high: float | None = None
    """The greatest one."""
    names: Mapping[float, str] = field(default_factory=dict)
    """Words that values stand for."""

    @classmethod
    def of(cls, relation: Relation) -> Axis:
        """With the bounds of a relation."""
        if relation.target is None:
            return cls(relation.low, relation.high)
        half = relation.tolerance or relation.scale  # as `expressions.margin` has it
        return cls(relation.target - half, relation.target + half)


@dataclass(frozen=True)
class _Grid:
    """Bins that begin at the bounds. They are numbered: bin 0 is the first one from ``low`` on."""

    low: float
    high: float
    """The bounds; the same number twice where there is one."""
    most: float
    """The greatest of all values."""
    step: float
    """The width of a bin outside of the bounds."""
    within: int
    """How many bins lie between the bounds."""

    def place(self, value: float, below: bool, inside: bool) -> int:
        """The bin of a value that lies below, between or above the bounds; a bin holds its lower
        edge, at a bound it is as it was judged.
        """
        if below:
            return -max(1, math.ceil((self.low - value) / self.step - _FUZZ))
        if inside:
            share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0
            return min(max(0, math.floor(share * self.within + _FUZZ)), self.within - 1)
        above = max(0.0, (value - self.high) / self.step)
        # the bin at the end holds both of its edges
        last = above >= 1 and value == self.most and abs(above - round(above)) < _FUZZ
        return self.within + (round(above) - 1 if last else math.floor(above + _FUZZ))

    def edge(self, place: int) -> float:
        """The lower edge of a bin."""
        if 0 <= place <= self.within and self.within:
            found = self.low + (self.high - self.low) * place / self.within
        else:
            bound, steps = (self.low, place) if place < 0 else (self.high, place - self.within)
            found = bound + steps * self.step
        return 0.0 if abs(found) < self.step * _FUZZ else found


def histogram(
    values: Mapping[Arm, Sequence[Point]], width: int, axis: Axis | None = None
) -> Iterator[str]:
    """The lines of a histogram; bins that satisfy have a check mark, and what has no value is
    counted below.
    """
    axis = axis or Axis()
    known = {
        arm: [(float(v), truth) for v, truth in some if isinstance(v, int | float)]
        for arm, some in values.items()
    }
    if any(known.values()):
        rows = _named(known, axis.names) if axis.names else _binned(known, axis)
        yield from _drawn(list(values), rows, width)
    for arm, some in values.items():
        if without := len(some) - len(known[arm]):
            yield f"  {arm}: {without} of {len(some)} without a value"


_Row = tuple[str, bool, list[int]]
"""What the bin is called, whether it satisfies, and how many there are in each arm."""


def _named(
    known: Mapping[Arm, Sequence[tuple[float, bool | None]]], names: Mapping[float, str]
) -> list[_Row]:
    """A row for each word."""
    truths = {value: truth for some in known.values() for value, truth in some}
    return [
        (
            name,
            truths.get(number) is True,
            [sum(value == number for value, _ in some) for some in known.values()],
        )
        for number, name in names.items()
    ]


def _binned(known: Mapping[Arm, Sequence[tuple[float, bool | None]]], axis: Axis) -> list[_Row]:
    every = [point for some in known.values() for point in some]
    low, high = min(v for v, _ in every), max(v for v, _ in every)
    if low == high:
        return [(f"{low + 0.0:.3g}", every[0][1] is True, [len(some) for some in known.values()])]
    step = (high - low) / _BINS
    bounds = [bound for bound in (axis.low, axis.high) if bound is not None]
    within = 0
    if len(bounds) == 2:
        parts = round((bounds[1] - bounds[0]) / step)
        within = max(parts, 1)  # one that is narrower than the others, if need be
        step = (bounds[1] - bounds[0]) / parts if parts else step
    grid = (
        _Grid(bounds[0], bounds[-1], high, step, within)
        if bounds
        else _Grid(low, low, high, step, 0)
    )

    def place(value: float, truth: bool | None) -> int:
        if not bounds:
            return grid.place(value, below=False, inside=False)
        if truth is None:
            truth = (axis.low is None or value >= axis.low) and (
                axis.high is None or value <= axis.high
            )
        if len(bounds) == 1:
            return grid.place(value, below=truth is (axis.low is None), inside=False)
        return grid.place(
            value, below=not truth and value < (grid.low + grid.high) / 2, inside=truth
        )

    def satisfies(one: int) -> bool:
        if len(bounds) < 2:
            return bool(bounds) and (one < 0) is (axis.low is None)
        return 0 <= one < within

    places = {arm: [place(*point) for point in some] for arm, some in known.items()}
    shown = range(
        min(map(min, filter(None, places.values()))),
        1 + max(map(max, filter(None, places.values()))),
    )
    edges = [f"{grid.edge(one):.3g}" for one in (*shown, shown.stop)]
    widest = max(map(len, edges))
    return [
        (
            f"{start:>{widest}} – {end:<{widest}}",
            satisfies(one),
            [some.count(one) for some in places.values()],
        )
        for one, start, end in zip(shown, edges, edges[1:], strict=False)
    ]


def _drawn(arms: Sequence[Arm], rows: Sequence[_Row], width: int) -> Iterator[str]:
    most = max(max(counts) for _, _, counts in rows)
    widest, marked = max(len(name) for name, _, _ in rows), any(good for _, good, _ in rows)
    start = widest + (2 if marked else 0)
    bar = min(_BAR, max(2, (width - start) // len(arms) - 6))
    yield f"{'':{start}}  {'  '.join(f'{arm:<{bar + 4}}' for arm in arms)}".rstrip()
    for name, good, counts in rows:
        bars = (f"{'█' * math.ceil(count / most * bar)} {count or ''}" for count in counts)
        cells = "  ".join(f"{one:<{bar + 4}}" for one in bars)
        mark = f" {'✓' if good else ' '}" if marked else ""
        yield f"{name:<{widest}}{mark}  {cells}".rstrip()
