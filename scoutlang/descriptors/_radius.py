"""What descriptors with a neighbour radius ask of the checker. No descriptor of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from scoutlang.ir.elements import COVALENT_RADIUS
from scoutlang.ir.signatures import Concern, Parameter

if TYPE_CHECKING:
    from scoutlang.ir import Measure

RADIUS = Parameter("r", "length", "sum of the Cordero covalent radii + 0.5 Å", 0.5, 8.0)


def unknown_radius(measure: Measure) -> Iterator[Concern]:
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
