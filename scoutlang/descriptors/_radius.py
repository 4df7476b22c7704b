"""The radius within which atoms are neighbours, where a program may give it. No descriptor of its
own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scoutlang.ir import Measure, Relation
from scoutlang.ir.elements import COVALENT_RADIUS, neighbour_radius
from scoutlang.ir.signatures import Concern, Parameter

RADIUS = Parameter("r", "length", "sum of the Cordero covalent radii + 0.5 Å", 0.5, 8.0)


def radius(measure: Measure, a: str, b: str) -> float:
    """Å, of an element pair."""
    return measure.parameter("r") or neighbour_radius(a, b)


def radii(measure: Measure, pairs: Iterable[tuple[str, str]]) -> str:
    """``Cu-P 2.89, Cu-Si 2.93``: the radius of each pair in Å, each once."""
    return ", ".join(f"{a}-{b} {radius(measure, a, b):.2f}" for a, b in dict.fromkeys(pairs))


def largest_radius(measure: Measure) -> float:
    """Å, the largest default of all pairs of an A and a B element."""
    centre, neighbour = measure.species
    return max(neighbour_radius(a, b) for a in centre.elements for b in neighbour.elements)


def farthest(measure: Measure) -> float:
    """Å, the largest radius of all pairs of an A and a B element."""
    centre, neighbour = measure.species
    return max(radius(measure, a, b) for a in centre.elements for b in neighbour.elements)


def unknown_radius(measure: Measure, relation: Relation) -> Iterator[Concern]:
    """E048 for an element of the chain without a covalent radius, where the program gives no radius
    either.
    """
    if measure.parameter("r") is not None:
        return
    for element in dict.fromkeys(e for s in measure.species for e in s.elements):
        if element not in COVALENT_RADIUS:
            message = (
                f"{element} has no covalent radius here, so {measure.descriptor} needs a radius"
            )
            yield Concern("E048", message, "give one, for example r=3 Å")
