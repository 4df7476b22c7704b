"""trans(A-B-C): difference in length of two bonds of B that are trans to one another, in Å.

Items are the pairs of different neighbours of every B, one of them an A and the other a C, that lie
on opposite sides of it: the angle A-B-C is 150° or more. Each pair is there once. The value is
|d(B-A) − d(B-C)|: 0 where B is in the middle, 0.62 Å along the axis of PbTiO3 with Ti-O 1.768 and
2.384 Å. So ``each trans(O-Ti-O) < 0.1 Å`` is an octahedron with its centre in the middle, and
``any trans(O-Nb-O) > 0.3 Å`` a short bond with a long one behind it. The out-of-centre distortion
of an octahedron is the sum over its three pairs, ``sum(trans(O-Ti-O)) / count(Ti)``. That there are
such pairs at all says ``any angle(Cl-Pt-Cl) > 150°``.

soft:   |d − d′| with the weight p(B) w(A) w(C) σ(16/rad · (θ − 150°)), where w is the neighbour's
probability of being the element times its smooth step σ(8/Å · (r − d)); 16/rad is 8/Å along the
arc of a bond of 2 Å, and changes with ``sharpness``
exact:  of whole atoms with d ≤ r and θ ≥ 150°

r is the sum of the Cordero covalent radii + 0.5 Å of each element pair, or the given ``r``, for
both neighbours; where the long bond is beyond r, no pair is found. Undefined where no B has an A
and a C on opposite sides, as in a tetrahedron. Tolerance 0.1 Å, scale 1 Å, as `bond`.
Source: P. S. Halasyamani, Chem. Mater. 16, 3586 (2004), doi:10.1021/cm049297g (its sum divides
every difference by |cos θ|).
"""

from __future__ import annotations

import math

from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours, torch
from scoutlang.descriptors._radius import RADIUS, element_pairs, reach, unknown_radius
from scoutlang.descriptors._values import by_sharpness
from scoutlang.descriptors.angle import at_centre
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature

_OPPOSITE = 150.0  # degrees
_ARC = math.radians(2.0)  # Å of arc for a degree, of a bond of 2 Å
_ROUNDING = 1e-6  # degrees
_LEAST_WEIGHT = 5e-6  # lighter pairs are left out

SIGNATURE = DescriptorSignature(
    name="trans",
    summary="difference in length of two bonds of B to an A and a C opposite to it",
    dimension="length",
    species=3,
    tolerance=0.1,
    domain="item",
    parameters=(RADIUS,),
    example="require each trans(P-Cu-P) < 0.1 Å",
    since="1.1",
    concerns=unknown_radius,
)


def formula(measure: Measure) -> str:
    """The value as text, with the radius of every element pair."""
    first, centre, second = measure.species
    within = reach(measure, element_pairs(centre, first, second))
    return (
        f"|d({centre.text}-{first.text}) − d({centre.text}-{second.text})| in Å where the angle "
        f"is {_OPPOSITE:g}° or more, {within}"
    )


def _differences(
    batch: CrystalBatch, measure: Measure, sharpness: float | Tensor | None
) -> neighbours.SiteValues:
    """Å of every opposite pair (M,)."""
    found, searched = at_centre(batch, measure, sharpness)
    values, weights, systems = [], [], []
    for pairs in found:
        system = pairs.first.system[pairs.k]
        weight = pairs.weight * _opposite(pairs.angle, system, sharpness)
        kept = weight > _LEAST_WEIGHT
        lengths = pairs.first.distance[pairs.k], pairs.second.distance[pairs.m]
        values.append((lengths[0] - lengths[1]).abs()[kept])
        weights.append(weight[kept])
        systems.append(system[kept])
    return neighbours.SiteValues(
        torch.cat(values), torch.cat(weights), torch.cat(systems), searched
    )


def _opposite(angle: Tensor, system: Tensor, sharpness: float | Tensor | None) -> Tensor:
    """(Q,) how much an angle, in degrees, is one of opposite neighbours."""
    if sharpness is None:
        return (angle >= _OPPOSITE - _ROUNDING).to(angle.dtype)
    slope = torch.as_tensor(sharpness, dtype=angle.dtype, device=angle.device)
    if slope.dim():
        slope = slope.index_select(0, system)
    return torch.sigmoid(slope * _ARC * (angle - _OPPOSITE))


soft, exact = by_sharpness(_differences)


def why_undefined(batch: CrystalBatch, measure: Measure, place: int) -> str:
    """Of a crystal that holds A, B and C."""
    first, centre, second = (species.text for species in measure.species)
    return f"no {centre} has a {first} and a {second} within r at {_OPPOSITE:g}° or more"
