"""Intervals whose ends remember what they follow from."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from scoutlang.ir.source import Span

ROUNDING = 1e-6


@dataclass(frozen=True)
class End:
    """An end of an interval, the places that it is written in and the facts that it rests on."""

    at: float
    open: bool = False
    places: frozenset[Span] = frozenset()
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Interval:
    low: End = End(-math.inf)
    high: End = End(math.inf)

    @property
    def empty(self) -> bool:
        """Beyond rounding, so that nothing is empty that a measured value could lie in."""
        low, high = self.low, self.high
        if not (math.isfinite(low.at) and math.isfinite(high.at)):
            return low.at > high.at
        touching = low.at >= high.at and (low.open or high.open)
        return touching or low.at - high.at > ROUNDING * max(1.0, abs(low.at))

    def inside(self, other: Interval) -> bool:
        (low, high), (least, most) = (self.low, self.high), (other.low, other.high)
        above = low.at > least.at or (low.at == least.at and (low.open or not least.open))
        return above and (
            high.at < most.at or (high.at == most.at and (high.open or not most.open))
        )

    def both(self, other: Interval) -> Interval:
        """What is in both; an end gives way only to one that is tighter beyond rounding."""
        low, high = self.low, self.high
        if _tighter(other.low.at - low.at, low.at, other.low, low):
            low = other.low
        if _tighter(high.at - other.high.at, high.at, other.high, high):
            high = other.high
        return Interval(low, high)

    def whole(self) -> Interval:
        """From the first to the last whole number."""
        low, high = self.low, self.high
        if math.isfinite(low.at):
            at = math.ceil(low.at - ROUNDING)
            low = _on(low, at + 1 if low.open and abs(at - low.at) < ROUNDING else at)
        if math.isfinite(high.at):
            at = math.floor(high.at + ROUNDING)
            high = _on(high, at - 1 if high.open and abs(at - high.at) < ROUNDING else at)
        return Interval(low, high)


def _tighter(by: float, old_at: float, new: End, old: End) -> bool:
    if math.isnan(by):  # both are infinite
        return False
    if not math.isfinite(old_at):
        return by > 0
    return by > ROUNDING * max(1.0, abs(old_at)) or (by >= 0 and new.open and not old.open)


def _on(end: End, at: float) -> End:
    """The end moved to a whole number; the fact is told where it moved at all."""
    if at == end.at:
        return replace(end, open=False)
    facts = (*end.facts, "it is counted in whole numbers")
    return End(at, False, end.places, tuple(dict.fromkeys(facts)))


def between(
    low: float, high: float, fact: str = "", places: frozenset[Span] = frozenset()
) -> Interval:
    facts = (fact,) if fact else ()
    return Interval(End(low, False, places, facts), End(high, False, places, facts))


def follows(at: float, *ends: End) -> End:
    """An end that rests on others."""
    places = frozenset[Span]().union(*(end.places for end in ends))
    facts = dict.fromkeys(fact for end in ends for fact in end.facts)
    return End(at, any(end.open for end in ends), places, tuple(facts))


def ordered(one: End, other: End) -> Interval:
    return Interval(one, other) if one.at <= other.at else Interval(other, one)


def multiple(interval: Interval, factor: float) -> tuple[End, End]:
    """The ends of factor · value."""
    low, high = (
        replace(end, at=factor * end.at if factor else 0.0) for end in (interval.low, interval.high)
    )
    return (low, high) if factor >= 0 else (high, low)


def divided(interval: Interval, factor: float) -> Interval:
    """The interval of a value whose multiple lies in one."""
    if not factor:
        return Interval()
    low, high = (replace(end, at=end.at / factor) for end in (interval.low, interval.high))
    return Interval(low, high) if factor > 0 else Interval(high, low)


def said(low: End, high: End) -> str:
    """``at least 6 and at most 4``."""
    least = f"{'above' if low.open else 'at least'} {low.at:.4g}"
    most = f"{'below' if high.open else 'at most'} {high.at:.4g}"
    return f"{least} and {most}"
