"""tilt(A-B-C): tilt of two polyhedra around A and C that share the corner B, in degrees.

φ = (180° − ∠ABC)/2, by which each of two equal, rigid octahedra is turned away from a straight
A-B-C. Items are the shared corners: the B within r of two centres that have no other B in common,
each once, periodic images included; edges and faces are no corners, and ``shared`` counts them. The
cubic perovskite and ReO3 have 0, CaTiO3 11 to 12°, quartz 18° (Si-O-Si of 144°). Any polyhedra with
a corner in common count, octahedra or not: say ``CN`` or `shape` as well.

soft:   φ with the weight P(A and C) p(B) σ σ′ max(0, min(1, 2 − n)), with σ(8/Å · (r − d)) of
either bond, n the soft number of B that the two centres share
exact:  φ of every B within r of two whole atoms that share it alone

The value of a crystal is the mean over its corners; ``std``, ``max``, ``each``, ``any`` and
``fraction`` tell corners of different tilt apart, as in tilt systems with an axis that is not
tilted (a0 a0 c+ has one third of its corners near 0). It has no slope at 0, where a chain can only
bend. How tilts follow one another along an axis, in phase or not, `spacegroup` says.

r is the sum of the Cordero covalent radii + 0.5 Å of each element pair, or the given ``r``, for
both bonds. Undefined where no two centres share a corner, and in a cell so dense that its bonds
cannot be paired. Tolerance 2.5°, scale 5°, half of those of `angle`.
Source: M. O'Keeffe, B. G. Hyde, Acta Cryst. B33, 3802 (1977), doi:10.1107/S0567740877012114; A. M.
Glazer, Acta Cryst. B28, 3384 (1972), doi:10.1107/S0567740872007976, for the tilt systems.
"""

from __future__ import annotations

from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours
from scoutlang.descriptors._radius import RADIUS, element_pairs, radii, unknown_radius
from scoutlang.descriptors._values import by_sharpness
from scoutlang.descriptors.shared import bridges
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature

SIGNATURE = DescriptorSignature(
    name="tilt",
    summary="tilt of two polyhedra that share a corner B, half of what A-B-C lacks to 180°",
    dimension="angle",
    species=3,
    scale=5.0,
    tolerance=2.5,
    maximum=90.0,
    domain="item",
    parameters=(RADIUS,),
    example="require tilt(Cu-P-Cu) = 15° ± 5°",
    since="1.1",
    concerns=unknown_radius,
)


def formula(measure: Measure) -> str:
    """The value as text, with the radius of every element pair."""
    first, corner, second = measure.species
    pairs = element_pairs(first, corner) + element_pairs(second, corner)
    return (
        f"(180° − angle {first.text}-{corner.text}-{second.text})/2 at shared corners, "
        f"r in Å: {radii(measure, pairs)}"
    )


def _tilts(
    batch: CrystalBatch, measure: Measure, sharpness: float | Tensor | None
) -> neighbours.SiteValues:
    """Degrees of every shared B (M,)."""
    of = bridges(batch, measure, sharpness)
    alone = (2 - of.number).clamp(0, 1)
    weight = of.weight * (of.both * alone)[of.pair]
    angle = neighbours.angle(of.found.vector[of.k], of.found.vector[of.m])
    return neighbours.SiteValues(90 - angle / 2, weight, of.system[of.pair], ~of.found.overflow)


soft, exact = by_sharpness(_tilts)


def why_undefined(batch: CrystalBatch, measure: Measure, place: int) -> str:
    """Of a crystal that holds A, B and C."""
    first, corner, second = (species.text for species in measure.species)
    return f"no {first} and {second} share one {corner} and no other within r"
