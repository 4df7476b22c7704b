"""Requirements that cannot hold together: pairs of claims about the same value, or about values of
which one bounds the other.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from scoutlang import ir
from scoutlang.ir.source import Span
from scoutlang.language.checking.scope import Scope
from scoutlang.language.diagnostics import messages

_MAX_FAMILY = 100  # values that are compared with each other, so that a long program stays quick
_ROUNDING = 1e-6  # bounds that overlap but for this are not reported
_OF_EACH: tuple[ir.How, ...] = ("mean", "min", "max")
# Aggregates that never fall when no value falls; the standard deviation is none of them.
_MONOTONE = frozenset({"mean", "min", "max", "sum"})


@dataclass(frozen=True)
class _Bound:
    """What a claim allows for a value: from low to high, ends included or not."""

    value: ir.Quantity
    low: float
    high: float
    open: bool
    term: ir.Term


def check(scope: Scope) -> None:
    """Report each pair of requirements of which one rules the other out; the later of the two
    carries the message.

    Only `require` terms are looked at, split at their ``and``. What holds at ``each`` site holds
    for the mean, the smallest and the largest. A descriptor that never falls (or never rises) as a
    set of its species grows bounds its own values for smaller sets: CN(Cu-P) ≤ CN(Cu-*),
    min_distance(Cu-P) ≥ min_distance(*-*).
    """
    tightest: dict[ir.Quantity, list[_Bound]] = {}
    families: dict[tuple[object, ...], set[ir.Quantity]] = defaultdict(set)
    for term in scope.terms:
        for bound in _bounds(term.claim, term) if term.decides else ():
            known = tightest.get(bound.value, [])
            family = families[_family(bound.value)]
            for other in (*known, *(b for v in family if v != bound.value for b in tightest[v])):
                reason = _why_not(bound, other, scope)
                if reason:
                    _report(bound, other, reason, scope)
                    break
            tightest[bound.value] = _tightest([*known, bound])
            if len(family) < _MAX_FAMILY:
                family.add(bound.value)


def _bounds(claim: ir.Proposition | ir.Wish, term: ir.Term) -> Iterator[_Bound]:
    match claim:
        case ir.And(of=of):
            for part in of:
                yield from _bounds(part, term)
        case ir.Each(of=inner):
            for bound in _bounds(inner, term):
                yield from (
                    replace(bound, value=ir.Aggregate(how, bound.value)) for how in _OF_EACH
                )
        case ir.Compare(value=value, relation=relation):
            if relation.target is not None:
                slack = relation.tolerance or 0.0
                low, high = relation.target - slack, relation.target + slack
                yield _Bound(value, low, high, relation.strict, term)
            else:
                low = -math.inf if relation.low is None else relation.low
                high = math.inf if relation.high is None else relation.high
                yield _Bound(value, low, high, relation.op in ("<", ">"), term)


def _tightest(bounds: list[_Bound]) -> list[_Bound]:
    """The two that matter: the largest lower and the smallest upper end."""
    low, high = (
        max(bounds, key=lambda b: (b.low, b.open)),
        min(bounds, key=lambda b: (b.high, not b.open)),
    )
    return [low] if low is high else [low, high]


def _apart(a: _Bound, b: _Bound) -> bool:
    """Whether no value is in both."""
    low, high = max(a.low, b.low), min(a.high, b.high)
    touching = low == high and any(x.open and low in (x.low, x.high) for x in (a, b))
    return _above(low, high) or touching


def _above(low: float, high: float) -> bool:
    """Beyond rounding, so that no pair is reported that the measured values could satisfy."""
    return low - high > _ROUNDING * max(1.0, abs(low) if math.isfinite(low) else 1.0)


def _family(value: ir.Quantity) -> tuple[object, ...]:
    """What values must share to bound each other: the descriptor, its parameters and its
    aggregate.
    """
    how = value.how if isinstance(value, ir.Aggregate) else ""
    measure = _measure(value)
    if measure is not None and measure.species and (not how or how in _MONOTONE):
        return (how, measure.descriptor, measure.parameters)
    return ("", value)


def _why_not(a: _Bound, b: _Bound, scope: Scope) -> str:
    """Why two bounds on one value, or on values of one family, cannot hold together; empty where
    they can.
    """
    if not _apart(a, b):
        return ""
    if a.value == b.value:
        measure = _measure(a.value)
        of = f" of {_name(measure)}" if measure is not None else ""
        return f"no value{of} is both {_words(b)} and {_words(a)}"
    for small, large in ((a, b), (b, a)):
        first, second = _measure(small.value), _measure(large.value)
        if (
            first is None
            or second is None
            or not first.by_radius
            or not _within(first, second, isinstance(small.value, ir.Aggregate))
        ):
            continue
        direction = scope.signatures[first.descriptor].monotone
        if direction == 1 and _above(small.low, large.high):
            return f"each can hold alone; {_name(first)} never exceeds {_name(second)}"
        if direction == -1 and _above(large.low, small.high):
            return f"each can hold alone; {_name(first)} is never below {_name(second)}"
    return ""


def _measure(value: ir.Quantity) -> ir.Measure | None:
    found = value.of if isinstance(value, ir.Aggregate) else value
    return found if isinstance(found, ir.Measure) else None


def _within(small: ir.Measure, large: ir.Measure, of_sites: bool) -> bool:
    """Whether the first has a part of the other's species. An aggregate over more centres is
    another one, so there they must be the same.
    """
    if of_sites and small.species[0].elements != large.species[0].elements:
        return False
    return all(
        set(a.elements) <= set(b.elements)
        for a, b in zip(small.species, large.species, strict=True)
    )


def _name(measure: ir.Measure) -> str:
    species = "-".join(s.text for s in measure.species)
    return f"{measure.descriptor}({species})" if species else measure.descriptor


def _words(bound: _Bound) -> str:
    if math.isinf(bound.low):
        return f"{'<' if bound.open else '≤'} {bound.high:g}"
    if math.isinf(bound.high):
        return f"{'>' if bound.open else '≥'} {bound.low:g}"
    if bound.open:
        return f"between {bound.low:g} and {bound.high:g}"
    return f"from {bound.low:g} to {bound.high:g}"


def _report(bound: _Bound, other: _Bound, reason: str, scope: Scope) -> None:
    span = Span(bound.term.location.start, bound.term.location.end)
    first = Span(other.term.location.start, other.term.location.end)
    scope.report(messages.contradiction(reason), span, also=first if first != span else None)
