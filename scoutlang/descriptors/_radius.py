"""The radius within which atoms are neighbours, where a program may give it. No descriptor of its
own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from scoutlang.ir import Measure, Relation, Species
from scoutlang.ir.elements import COVALENT_RADIUS, neighbour_radius
from scoutlang.ir.signatures import Concern, Parameter

RADIUS = Parameter("r", "length", "sum of the Cordero covalent radii + 0.5 Å", 0.5, 8.0)
GAP = "gap"
RADIUS_OR_GAP = replace(RADIUS, choices=(GAP,))
"""Also ``r=gap``, of each site where its distances have the largest gap."""
INNER = Parameter("r_min", "length", "0, which leaves none out", 0.0, 8.0)
"""With it the neighbours are a shell, ``r_min < d ≤ r``."""


def given_radius(measure: Measure) -> float | str | None:
    """Å, "gap", or None where the program says nothing: what `neighbours.bonds` takes."""
    return measure.parameter("r") or measure.choice("r")


def radius(measure: Measure, a: str, b: str) -> float:
    """Å, of an element pair."""
    return measure.parameter("r") or neighbour_radius(a, b)


def element_pairs(place: Species, *others: Species) -> list[tuple[str, str]]:
    """Of each element of a place of the chain with each of the others."""
    return [(a, b) for a in place.elements for other in others for b in other.elements]


def radii(measure: Measure, pairs: Iterable[tuple[str, str]]) -> str:
    """``Cu-P 2.89, Cu-Si 2.93``: the radius of each pair in Å, each once."""
    return ", ".join(f"{a}-{b} {radius(measure, a, b):.2f}" for a, b in dict.fromkeys(pairs))


def reach(measure: Measure, pairs: Iterable[tuple[str, str]]) -> str:
    """The radii as text, and what lies within the inner one."""
    inner = measure.parameter("r_min")
    outer = "middle of the largest gap" if measure.choice("r") else radii(measure, pairs)
    return f"r in Å: {outer}" + (f"; not within {inner:.2f}" if inner else "")


def largest_radius(measure: Measure) -> float:
    """Å, the largest default of all pairs of an A and a B element."""
    centre, neighbour = measure.species
    return max(neighbour_radius(a, b) for a, b in element_pairs(centre, neighbour))


def farthest(measure: Measure) -> float:
    """Å, the largest radius of all pairs of an A and a B element."""
    centre, neighbour = measure.species
    return max(radius(measure, a, b) for a, b in element_pairs(centre, neighbour))


def unknown_radius(measure: Measure, relation: Relation) -> Iterator[Concern]:
    """E048 for an element of the chain without a covalent radius, where the program gives no radius
    either.
    """
    if given_radius(measure) is not None:
        return
    for element in dict.fromkeys(e for s in measure.species for e in s.elements):
        if element not in COVALENT_RADIUS:
            message = (
                f"{element} has no covalent radius here, so {measure.descriptor} needs a radius"
            )
            yield Concern("E048", message, "give one, for example r=3 Å")


def no_shell(measure: Measure) -> Iterator[Concern]:
    """E042 where no shell is left between the radii: of no element pair is the outer larger than
    the inner one.
    """
    inner = measure.parameter("r_min")
    if not inner:
        return
    if measure.choice("r") is not None:
        message = "`r_min` needs an `r` that is a length: a gap is looked for from the nearest on"
        yield Concern("E042", message, "give `r` in Å, or leave out `r_min`")
        return
    centre, *others = measure.species
    if len(others) == 2:  # the centre of an angle stands in the middle
        centre, others = others[0], [centre, others[1]]
    pairs = [
        (a, b)
        for a, b in element_pairs(centre, *others)
        if measure.parameter("r") or (a in COVALENT_RADIUS and b in COVALENT_RADIUS)
    ]
    if pairs and all(radius(measure, *pair) <= inner for pair in pairs):
        widest = max(pairs, key=lambda pair: radius(measure, *pair))
        message = (
            f"nothing is between {inner:g} and {radius(measure, *widest):.2f} Å, "
            f"`r_min` and `r` of {'-'.join(widest)}"
        )
        yield Concern("E042", message, "`r` must be the larger one; it may be given")


def shell_doubts(measure: Measure, relation: Relation) -> Iterator[Concern]:
    """`unknown_radius` and `no_shell`."""
    yield from unknown_radius(measure, relation)
    yield from no_shell(measure)
