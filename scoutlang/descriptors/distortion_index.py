"""distortion_index(A-B): how unequal in length the bonds of each A to B are, 0 where all are equal.

D = Σ_j w_j |d_j − d̄| / (Σ_j w_j d̄), with the mean length d̄ = Σ_j w_j d_j / Σ_j w_j of the site

soft:   w_j = p_j(B) σ(8/Å · (r − d_j)), with the weight p_i(A) min(1, Σ_j w_j)
exact:  w_j = 1 for d ≤ r, whole atoms; a site without neighbours has no value and is left out.

It is of each site, where ``std(bond(A-B))`` is over the crystal: sites with bonds of 1.9 Å beside
sites with bonds of 2.1 Å are not distorted. Ti in PbTiO3 has 0.062 (1.768, 4 × 1.980, 2.384 Å), in
rutile 0.008, in the cubic perovskite 0. It sees no angles: `shape` and `angle` do.

r is the sum of the Cordero covalent radii + 0.5 Å of each element pair, or the given ``r``;
``r_min`` and ``r=gap`` as for `CN`. Undefined where A is absent, or no A has a B within r.
Tolerance 0.01, scale 0.05.
Source: W. H. Baur, Acta Cryst. B30, 1195 (1974), doi:10.1107/S0567740874004560.
"""

from __future__ import annotations

from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours, torch
from scoutlang.descriptors._radius import (
    INNER,
    RADIUS_OR_GAP,
    element_pairs,
    given_radius,
    reach,
    shell_doubts,
)
from scoutlang.descriptors._values import by_sharpness
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature

SIGNATURE = DescriptorSignature(
    name="distortion_index",
    summary="distortion index of the bond lengths from each A to the B around it",
    species=2,
    scale=0.05,
    tolerance=0.01,
    domain="site",
    parameters=(RADIUS_OR_GAP, INNER),
    example="require each distortion_index(Cu-P) < 0.05",
    since="1.1",
    concerns=shell_doubts,
)


def formula(measure: Measure) -> str:
    """The value as text, with the radius of every element pair."""
    centre, neighbour = measure.species
    return (
        f"mean |d − d̄| / d̄ of the {neighbour.text} around each {centre.text}, "
        f"{reach(measure, element_pairs(centre, neighbour))}"
    )


def _index(
    batch: CrystalBatch, measure: Measure, sharpness: float | Tensor | None
) -> neighbours.SiteValues:
    """Distortion index of every atom (N,)."""
    centre, neighbour = (place.elements for place in measure.species)
    found = neighbours.bonds(
        batch, centre, neighbour, given_radius(measure), sharpness, measure.parameter("r_min")
    )

    def over_bonds(values: Tensor) -> Tensor:
        return neighbours.sum_by_structure(found.weight * values, found.i, len(found.centre))

    def or_one(values: Tensor) -> Tensor:
        return torch.where(values > 0, values, torch.ones_like(values))

    count = over_bonds(torch.ones_like(found.distance))
    total = over_bonds(found.distance)
    mean = total / or_one(count)
    away = (found.distance - mean.index_select(0, found.i)).abs()
    value = over_bonds(away) / or_one(total)
    return neighbours.SiteValues(
        value, found.centre * count.clamp(max=1), batch.system, ~found.overflow, found.centre
    )


soft, exact = by_sharpness(_index)


def why_undefined(batch: CrystalBatch, measure: Measure, place: int) -> str:
    """Of a crystal that holds A and B."""
    centre, neighbour = measure.species
    return f"there is no {neighbour.text} within r of a {centre.text}"
