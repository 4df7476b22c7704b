"""CN(A-B): coordination number, B neighbours around each A, directed (paper, section 3).

soft:   n_i = Σ_j,images p_j(B) σ(8/Å · (r − d_ij)), with the weight p_i(A)
exact:  the same with a hard count d ≤ r and whole atoms.

r is the sum of the Cordero covalent radii + 0.5 Å of each element pair, or the given ``r``. The
site itself is excluded, its own periodic images are included. Around large cations bonds are often
longer than the default r: it counts 0 F around Pb in PbF2 and 0 I around Cs in CsPbI3, so give r
there, or ask for the largest gap.

``r_min`` leaves a shell, r_min < d ≤ r: ``CN(Na-Na, r_min=4.5 Å, r=6 Å)`` is the count within 6 Å
less the one within 4.5 Å, soft and exact.

``r=gap`` takes the neighbours before the largest gap: of the sorted distances of each A to its B,
up to twice the nearest, the largest step from one to the next, where the end at twice the nearest
counts as the next. Of equal gaps (within 10⁻⁶ Å) the first is taken. r is then the middle of the
gap, of each site its own; it moves with both sides of the gap under the derivative, and the soft
count jumps where another gap becomes the largest. B are those that are decided, by a probability
above 1/2. Where the gap is wide the smooth step is flat, so such a count judges well and hardly
steers: steer by a radius, or by `bond`. One gap cannot tell a close pair from the shell behind it:
of S around S in pyrite, one at 2.16 Å and 12 from 3.08 to 3.32 Å, it takes all 13. The rule is the
maximum gap of Brunner & Schwarzenbach, Z. Kristallogr. 133, 127 (1971).

Where A is absent the value is undefined; where only B is absent it is 0. A sigmoid at a
tight r counts a perfect shell as less than whole: hits are judged by the exact value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours
from scoutlang.descriptors._radius import (
    GAP,
    INNER,
    RADIUS_OR_GAP,
    element_pairs,
    farthest,
    given_radius,
    radius,
    reach,
    shell_doubts,
)
from scoutlang.descriptors._values import SLOPE, by_sharpness
from scoutlang.ir import Measure, Relation
from scoutlang.ir.elements import COVALENT_RADIUS, bond_radius, neighbour_radius
from scoutlang.ir.signatures import Concern, DescriptorSignature

# of the radii sum: neighbours this close to each other or to the centre are not found in crystals
_CLOSEST_SHARE = 0.85


def formula(measure: Measure) -> str:
    """The soft value as text, with the radius of every element pair."""
    centre, neighbour = measure.species
    within = reach(measure, element_pairs(centre, neighbour))
    return f"Σ {neighbour.text} σ(8 Å⁻¹ (r − d)) around {centre.text}, {within}"


def concerns(measure: Measure, relation: Relation) -> Iterator[Concern]:
    """A count that does not fit inside the radius, and a radius so tight that the smooth count of a
    perfect shell misses the target.
    """
    yield from shell_doubts(measure, relation)
    if given_radius(measure) == GAP:
        return
    least = relation.low if relation.target is None else relation.target - (relation.tolerance or 0)
    for a in measure.species[0].elements:
        for b in measure.species[1].elements:
            if (
                a not in COVALENT_RADIUS
                or b not in COVALENT_RADIUS
                or least is None
                or len(measure.species[1].elements) > 1
            ):
                continue
            most = _most_neighbours(a, b, radius(measure, a, b))
            if 0 < most < least:
                yield Concern(
                    "W055",
                    f"{least:g} {b} hardly fit around {a} within {radius(measure, a, b):.2f} Å",
                    f"about {most} is the most for atoms of this size",
                )
                return
            if measure.parameter("r_min"):
                continue
            shell = 1 / (1 + math.exp(-SLOPE * (radius(measure, a, b) - bond_radius(a, b))))
            if relation.target is not None and relation.target * (1 - shell) > (
                relation.tolerance or relation.scale
            ):
                yield Concern(
                    "W056",
                    f"at this radius the smooth count of a perfect {relation.target:g}-fold site "
                    f"is {relation.target * shell:.2f}",
                    "the guidance would overfill it; "
                    + (
                        f"r = {neighbour_radius(a, b):.2f} Å is the usual choice"
                        if radius(measure, a, b) < neighbour_radius(a, b)
                        else "a wider tolerance or a larger r mends it"
                    ),
                )
                return


def _most_neighbours(a: str, b: str, radius: float) -> int:
    """Points that fit on a sphere of this radius at the closest B-B distance (Fejes Tóth's bound),
    times the shells that fit inside it.
    """
    apart = _CLOSEST_SHARE * bond_radius(b, b)
    inner = _CLOSEST_SHARE * bond_radius(a, b)
    if radius < inner:
        return 0
    chord = apart / radius
    if chord**2 > 3:
        return 2
    # Of N ≥ 3 points on a unit sphere two are within sqrt(4 − csc²θ), θ = π N / (6 (N − 2)); solved
    # for N.
    theta = math.asin(1 / math.sqrt(4 - chord**2))
    most = int(12 * theta / (6 * theta - math.pi) + 1e-9)
    return most * (1 + int((radius - inner) / apart))


def _count(
    batch: CrystalBatch, measure: Measure, sharpness: float | Tensor | None
) -> neighbours.SiteValues:
    """CN of every atom (N,)."""
    centre, neighbour = (place.elements for place in measure.species)
    found = neighbours.bonds(
        batch, centre, neighbour, given_radius(measure), sharpness, measure.parameter("r_min")
    )
    return neighbours.SiteValues(
        neighbours.sum_by_structure(found.weight, found.i, len(found.centre)),
        found.centre,
        batch.system,
        ~found.overflow,
    )


soft, exact = by_sharpness(_count)

SIGNATURE = DescriptorSignature(
    name="CN",
    summary="coordination number: B neighbours around each A",
    species=2,
    domain="site",
    parameters=(RADIUS_OR_GAP, INNER),
    monotone=1,
    role="neighbours",
    reach=farthest,
    example="require CN(Cu-P) = 4 ± 0.3",
    concerns=concerns,
)
