"""bond(A-B): lengths of all bonds from each A to the B around it, in Å.

Items are the bonds: the B neighbours of every A within r, periodic images included, counted as `CN`
counts them, from the A. A bond between two atoms that are A and B both is there from either end,
which changes a sum and no mean or share. `distance` is the nearest B alone.

soft:   d, with the weight p(A) p(B) σ(8/Å · (r − d)) of each bond
exact:  d of every d ≤ r, whole atoms

So ``each bond(Ti-O) = 2.0 ± 0.1 Å`` is of every bond, ``mean(bond(Ti-O))`` the mean length,
``std(bond(Ti-O))`` the spread, ``max(bond(Ti-O)) - mean(bond(Ti-O)) < 0.1 Å`` the longest against
the mean, and ``fraction(bond(Ti-O) < 1.9 Å)`` the share of short ones: in PbTiO3, with Ti-O 1.768,
4 × 1.980 and 2.384 Å, that is 1/6. All are over the crystal; `distortion_index` is of each site.

r is the sum of the Cordero covalent radii + 0.5 Å of each element pair, or the given ``r``.
``r_min`` leaves the shell r_min < d ≤ r, and ``r=gap`` takes the neighbours before the largest gap;
`CN` says how. A bond that is longer than r is none, so say ``CN(A-B)`` too where the number
matters. Undefined where no A has a B within r. Tolerance 0.1 Å, scale 1 Å, as `distance`.
"""

from __future__ import annotations

from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours
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
    name="bond",
    summary="lengths of the bonds from each A to the B around it",
    dimension="length",
    species=2,
    tolerance=0.1,
    domain="item",
    parameters=(RADIUS_OR_GAP, INNER),
    example="require each bond(Cu-P) = 2.35 ± 0.15 Å",
    since="1.1",
    concerns=shell_doubts,
)


def formula(measure: Measure) -> str:
    """The value as text, with the radius of every element pair."""
    centre, neighbour = measure.species
    within = reach(measure, element_pairs(centre, neighbour))
    return f"length of {centre.text}-{neighbour.text} bonds in Å, {within}"


def _lengths(
    batch: CrystalBatch, measure: Measure, sharpness: float | Tensor | None
) -> neighbours.SiteValues:
    """Å of every bond (M,)."""
    centre, neighbour = (place.elements for place in measure.species)
    found = neighbours.bonds(
        batch, centre, neighbour, given_radius(measure), sharpness, measure.parameter("r_min")
    )
    weight = found.centre.index_select(0, found.i) * found.weight
    return neighbours.SiteValues(found.distance, weight, found.system, ~found.overflow)


soft, exact = by_sharpness(_lengths)


def why_undefined(batch: CrystalBatch, measure: Measure, place: int) -> str:
    """Of a crystal that holds A and B."""
    centre, neighbour = measure.species
    return f"there is no {neighbour.text} within r of a {centre.text}"
