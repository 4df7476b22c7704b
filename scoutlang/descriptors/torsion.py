"""torsion(A-B-C-D): torsion angles about the bonds B-C, in degrees, from 0 (A and D on one side) to
180.

Items are the chains of three bonds, A to B to C to D, of four different atoms, periodic images
included; a chain that reads the same from both ends is there twice, which changes a sum and no mean
or share. The angle is the one between the planes A B C and B C D, without its sign, since a crystal
and its mirror image are alike to the model. Trigonal selenium has 101° all along its chains,
diamond 60° and 180° in the ratio 2 : 1 (staggered), lonsdaleite 0° and 120° as well (eclipsed).

A chain weighs p(B) w(A) w(C) w(D), where w is the probability that a neighbour is the element times
its smooth step σ(8/Å · (r − d)); exact: 1 for whole atoms with d ≤ r. Different atoms count as
independent. A chain that is straight within 1° at B or at C has no planes and is left out; soft
weights fade between 1.4° and 1°.

r is the sum of the Cordero covalent radii + 0.5 Å of each element pair, or the given ``r``, for all
three bonds. Undefined where there is no such chain, and where a cell is so dense that its bonds
cannot be joined. Tolerance 5°, scale 10°.
Source: W. Klyne, V. Prelog, Experientia 16, 521 (1960), doi:10.1007/BF02158433.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours, torch
from scoutlang.descriptors._radius import RADIUS, element_pairs, radii, unknown_radius
from scoutlang.descriptors._values import by_sharpness
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature

_LEAST_WEIGHT = 1e-5  # taken off soft weights: above where the smooth step of a bond is cut off
_STRAIGHT = 0.0175  # sine of 1°
_TINY = 1e-12  # Å^4

SIGNATURE = DescriptorSignature(
    name="torsion",
    summary="torsion angles about the bonds B-C, between an A and a D",
    dimension="angle",
    species=4,
    scale=10.0,
    tolerance=5.0,
    maximum=180.0,
    domain="item",
    parameters=(RADIUS,),
    example="require torsion(P-Cu-P-Cu) > 60°",
    since="1.1",
    concerns=unknown_radius,
)


def formula(measure: Measure) -> str:
    """The angle as text, with the radius of every element pair."""
    places = measure.species
    pairs = [pair for one, other in pairwise(places) for pair in element_pairs(one, other)]
    chain = "-".join(place.text for place in places)
    return f"torsion angle {chain} in degrees, r in Å: {radii(measure, pairs)}"


def _torsions(
    batch: CrystalBatch, measure: Measure, sharpness: float | Tensor | None
) -> neighbours.SiteValues:
    """Degrees of every chain (M,)."""
    a, b, c, d = (place.elements for place in measure.species)
    r = measure.parameter("r")
    first, middle, last = (
        neighbours.bonds(batch, x, y, r, sharpness) for x, y in ((b, a), (b, c), (c, d))
    )
    searched = ~(first.overflow | middle.overflow | last.overflow)
    middle, crowded = _uncrowded(first, middle, last)
    with torch.no_grad():
        k, m, n = _chains(first, middle, last)
        kept = _weight(first, middle, last, (k, m, n), sharpness) > 0
        k, m, n = k[kept], m[kept], n[kept]
    value = neighbours.angle(*_planes(first.vector[k], middle.vector[m], last.vector[n]))
    weight = _weight(first, middle, last, (k, m, n), sharpness)
    return neighbours.SiteValues(value, weight, middle.system[m], searched & ~crowded)


def _weight(
    first: neighbours.Bonds,
    middle: neighbours.Bonds,
    last: neighbours.Bonds,
    chains: tuple[Tensor, Tensor, Tensor],
    sharpness: float | Tensor | None,
) -> Tensor:
    """How much each chain (M,) counts. Soft ones fade to 0 before a bond is out of reach or the
    chain is straight, so that none comes or goes at once.
    """
    k, m, n = chains
    weight = middle.centre[middle.i[m]] * first.weight[k] * middle.weight[m] * last.weight[n]
    one, other = _planes(first.vector[k], middle.vector[m], last.vector[n])
    bent = _bent(first.distance[k] * middle.distance[m], one)
    bent = bent * _bent(middle.distance[m] * last.distance[n], other)
    if sharpness is None:
        return weight * (bent > 0)
    return (weight - _LEAST_WEIGHT).clamp(min=0) * bent


def _planes(u: Tensor, v: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """Normals (M, 3) of the planes A B C and B C D, from the vectors B to A, B to C and C to D."""
    return torch.linalg.cross(v, u), torch.linalg.cross(v, w)


def _bent(lengths: Tensor, normal: Tensor) -> Tensor:
    """0 where two bonds are straight within 1°, 1 from 1.4° on. lengths: (M,) Å^2, their
    product.
    """
    flat = (_STRAIGHT * lengths).square().clamp(min=_TINY)
    return (normal.square().sum(-1) / flat - 1).clamp(0, 1)


def _uncrowded(
    first: neighbours.Bonds, middle: neighbours.Bonds, last: neighbours.Bonds
) -> tuple[neighbours.Bonds, Tensor]:
    """The middle bonds of crystals that do not have too many chains; (B,) bool, which have."""
    ends = [neighbours.count(found.i, len(found.centre)) for found in (first, last)]
    chains = ends[0][middle.i] * ends[1][middle.j]
    total = torch.zeros_like(middle.overflow, dtype=torch.int64).index_add(0, middle.system, chains)
    crowded = total > neighbours.MAX_BOND_PAIRS
    kept = ~crowded[middle.system]
    columns = {
        name: getattr(middle, name)[kept]
        for name in ("i", "j", "shift", "vector", "distance", "system", "weight")
    }
    return replace(middle, **columns), crowded


def _chains(
    first: neighbours.Bonds, middle: neighbours.Bonds, last: neighbours.Bonds
) -> tuple[Tensor, Tensor, Tensor]:
    """→ bonds (M,) of each list that make a chain of four different atoms."""
    m, k = neighbours.at_one_centre(middle, first)
    at_end = replace(middle, i=middle.j[m])
    chain, n = neighbours.at_one_centre(at_end, last)
    m, k = m[chain], k[chain]
    # images of the four atoms, seen from that of B
    image_d = middle.shift[m] + last.shift[n]
    a_is_c = (first.j[k] == middle.j[m]) & (first.shift[k] == middle.shift[m]).all(dim=-1)
    d_is_b = (last.j[n] == middle.i[m]) & (image_d == 0).all(dim=-1)
    a_is_d = (first.j[k] == last.j[n]) & (first.shift[k] == image_d).all(dim=-1)
    kept = ~(a_is_c | d_is_b | a_is_d)
    return k[kept], m[kept], n[kept]


soft, exact = by_sharpness(_torsions)
