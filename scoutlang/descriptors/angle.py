"""angle(A-B-C): angles at B between an A and a C neighbour, in degrees, from 0 to 180.

Items are the angles: every pair of different neighbours of every B, periodic images included, one
of them an A and the other a C. Each such pair counts once, also where A and C are the same or
overlap. An angle weighs p(B) w(A) w(C), where w is the neighbour's probability of being the element
times its smooth step σ(8/Å · (r − d)); exact: 1 for whole atoms with d ≤ r. Different neighbours
count as independent.

θ = atan2(|u × v|, u · v) of the vectors from B to the two neighbours, with slope 0 at 0° and 180°,
where an angle can only turn back. r is the sum of the Cordero covalent radii + 0.5 Å of each
element pair, or the given ``r``, for both neighbours; with ``r_min`` both are of the shell r_min <
d ≤ r. An atom on the very place of B is no
neighbour. Undefined where no B has two such neighbours, and where a cell is so dense that its bonds
cannot be paired. Tolerance 5°, scale 10°: the polyhedra of real crystals are distorted by as much.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours, torch
from scoutlang.descriptors._radius import INNER, RADIUS, element_pairs, reach, shell_doubts
from scoutlang.descriptors._values import by_sharpness
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature

_LEAST_WEIGHT = 5e-6  # what the smooth step is cut off at: lighter angles are left out
_LEAST_DISTANCE = 1e-3  # Å

_Elements = tuple[str, ...]


def formula(measure: Measure) -> str:
    """The angle as text, with the radius of every element pair."""
    first, centre, second = measure.species
    within = reach(measure, element_pairs(centre, first, second))
    return f"angle {first.text}-{centre.text}-{second.text} in degrees, {within}"


class AtCentre(NamedTuple):
    """Pairs of different neighbours of one centre, an A and a C."""

    first: neighbours.Bonds
    second: neighbours.Bonds
    k: Tensor
    """(Q,) int64, the bond of each pair in ``first``."""
    m: Tensor
    """(Q,) int64, the other one in ``second``."""
    weight: Tensor
    """(Q,) p(B) w(A) w(C)."""
    angle: Tensor
    """(Q,) degrees at the centre."""


def at_centre(
    batch: CrystalBatch, measure: Measure, sharpness: float | Tensor | None
) -> tuple[list[AtCentre], Tensor]:
    """→ every pair of neighbours, each once; (B,) bool, which crystals could be searched."""
    centre, outer, inner = measure.species[1].elements, *map(measure.parameter, ("r", "r_min"))
    ends = measure.species[0].elements, measure.species[2].elements
    found = []
    searched = torch.ones(batch.size, dtype=torch.bool, device=batch.cell.device)
    for one, other in _disjoint(*ends):
        first = neighbours.uncrowded(neighbours.bonds(batch, centre, one, outer, sharpness, inner))
        second = first
        if one != other:
            second = neighbours.uncrowded(
                neighbours.bonds(batch, centre, other, outer, sharpness, inner)
            )
        k, m = _neighbour_pairs(first, second)
        weight = first.centre[first.i[k]] * first.weight[k] * second.weight[m]
        angle = neighbours.angle(first.vector[k], second.vector[m])
        found.append(AtCentre(first, second, k, m, weight, angle))
        searched = searched & ~first.overflow & ~second.overflow
    return found, searched


def _angles(
    batch: CrystalBatch, measure: Measure, sharpness: float | Tensor | None
) -> neighbours.SiteValues:
    """Degrees of every angle (M,)."""
    found, searched = at_centre(batch, measure, sharpness)
    return neighbours.SiteValues(
        torch.cat([pairs.angle for pairs in found]),
        torch.cat([pairs.weight for pairs in found]),
        torch.cat([pairs.first.system[pairs.k] for pairs in found]),
        searched,
    )


def _disjoint(a: _Elements, c: _Elements) -> Iterator[tuple[_Elements, _Elements]]:
    """Kinds of pairs that are one A and one C, such that no pair is of two kinds: either the same
    set twice, or two disjoint ones.
    """
    shared = tuple(e for e in a if e in c)
    only_a, only_c = (tuple(e for e in s if e not in shared) for s in (a, c))
    kinds = (only_a, only_c), (only_a, shared), (shared, only_c), (shared, shared)
    return (kind for kind in kinds if all(kind))


def _neighbour_pairs(first: neighbours.Bonds, second: neighbours.Bonds) -> tuple[Tensor, Tensor]:
    """→ the bonds (Q,) of each list that make an angle. Where the lists are one, each pair of bonds
    is taken once.
    """
    with torch.no_grad():
        k, m = neighbours.at_one_centre(first, second)
        weight = first.centre[first.i[k]] * first.weight[k] * second.weight[m]
        apart = (first.distance[k] > _LEAST_DISTANCE) & (second.distance[m] > _LEAST_DISTANCE)
        if first is second:
            apart = apart & (k < m)
        else:  # an atom that may be either is one neighbour, not two
            same = (first.j[k] == second.j[m]) & (first.shift[k] == second.shift[m]).all(dim=-1)
            apart = apart & ~same
        kept = (weight > _LEAST_WEIGHT) & apart
    return k[kept], m[kept]


soft, exact = by_sharpness(_angles)

SIGNATURE = DescriptorSignature(
    name="angle",
    summary="angles at B between an A and a C neighbour",
    dimension="angle",
    species=3,
    scale=10.0,
    tolerance=5.0,
    maximum=180.0,
    domain="item",
    parameters=(RADIUS, INNER),
    example="require angle(P-Cu-P) = 109.5° ± 8°",
    concerns=shell_doubts,
)
