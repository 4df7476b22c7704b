"""Counts that a small change of their radius would change: a shell that begins just beyond it, or
ends just within.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import TYPE_CHECKING

from scoutlang.descriptors import signatures
from scoutlang.descriptors._radius import radius
from scoutlang.evaluation.measurement import Part, TermMeasurement
from scoutlang.ir import Measure, Relation, Term, Wish, comparisons, measures

if TYPE_CHECKING:
    from pymatgen.core import Structure

JUST_BEYOND = 0.5
"""Å beyond the radius within which a shell is told of."""

JUST_WITHIN = 0.3
"""Å within the radius in which a shell is told of."""

_THICKNESS = 0.1  # Å, of a shell


def left_out(term: Term, found: TermMeasurement, structure: Structure) -> Iterator[str]:
    """``the next 8 Cl around Tl are at 3.32 Å, just beyond r = 2.97 Å of CN(Tl-Cl); …``, for every
    count that is below what a term asks for.
    """
    for measure in _missed_counts(
        term, found, lambda part, asked: part.low is not None and part.low < _least(asked)
    ):
        yield from _next_shell(measure, structure)


def barely_in(term: Term, found: TermMeasurement, structure: Structure) -> Iterator[str]:
    """``6 of the 14 Fe around Fe are at 2.87 Å, just within r = 3.14 Å of CN(Fe-Fe); …``, for every
    count that is above what a term asks for.
    """
    for measure in _missed_counts(
        term, found, lambda part, asked: part.high is not None and part.high > _most(asked)
    ):
        yield from _last_shell(measure, structure)


def _missed_counts(
    term: Term, found: TermMeasurement, missed: Callable[[Part, Relation], bool]
) -> list[Measure]:
    """The counts within a radius whose part misses what a term asks for; none where it holds."""
    if found.satisfied is not False or isinstance(term.claim, Wish):
        return []
    known = signatures()
    parts = found.parts or (Part(found.exact, found.exact),)
    counts = [
        measure
        for comparison, part in zip(comparisons(term.claim), parts, strict=True)
        if missed(part, comparison.relation)
        for measure in measures(comparison.value)
        if known[measure.descriptor].role == "neighbours" and measure.by_radius
    ]
    return list(dict.fromkeys(counts))


def _most(relation: Relation) -> float:
    if relation.target is not None:
        return relation.target + (relation.tolerance or 0.0)
    return inf if relation.high is None else relation.high


def _last_shell(measure: Measure, structure: Structure) -> Iterator[str]:
    centres, neighbours = (place.elements for place in measure.species)
    for a in (e for e in centres if e in structure.symbol_set):
        for b in (e for e in neighbours if e in structure.symbol_set):
            r = radius(measure, a, b)
            sites = [site for site in structure if site.specie.symbol == a]
            i, j, _, distances = structure.get_neighbor_list(r, sites)
            inside = [
                (float(d), int(site))
                for d, site, other in zip(distances, i, j, strict=True)
                if structure[int(other)].specie.symbol == b
            ]
            if not inside or max(inside)[0] < r - JUST_WITHIN:
                continue
            _, first = max(inside)
            shell = sorted(d for d, site in inside if site == first)
            end = shell[-1]
            last = [d for d in shell if d >= end - _THICKNESS]
            if len(last) == len(shell):
                continue  # there is no other shell
            verb = "is" if len(last) == 1 else "are"
            yield (
                f"{len(last)} of the {len(shell)} {b} around {a} {verb}"
                f" at {last[0]:.2f} Å, just within r = {r:.2f} Å of {measure.descriptor}({a}-{b}); "
                "if they are not meant, give r"
            )


def _least(relation: Relation) -> float:
    if relation.target is not None:
        return relation.target - (relation.tolerance or 0.0)
    return -inf if relation.low is None else relation.low


def _next_shell(measure: Measure, structure: Structure) -> Iterator[str]:
    centres, neighbours = (place.elements for place in measure.species)
    for a in (e for e in centres if e in structure.symbol_set):
        for b in (e for e in neighbours if e in structure.symbol_set):
            r = radius(measure, a, b)
            sites = [site for site in structure if site.specie.symbol == a]
            i, j, _, distances = structure.get_neighbor_list(r + JUST_BEYOND + _THICKNESS, sites)
            beyond = [
                (float(d), int(site))
                for d, site, other in zip(distances, i, j, strict=True)
                if d > r + 1e-3 and structure[int(other)].specie.symbol == b
            ]
            if not beyond or min(beyond)[0] > r + JUST_BEYOND:
                continue
            start, first = min(beyond)
            number = sum(site == first and d <= start + _THICKNESS for d, site in beyond)
            yield (
                f"the next {number} {b} around {a} {'is' if number == 1 else 'are'} at "
                f"{start:.2f} Å, just beyond r = {r:.2f} Å of {measure.descriptor}({a}-{b}); "
                "if they are meant, give r"
            )
