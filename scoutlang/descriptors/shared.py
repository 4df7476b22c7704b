"""shared(A-B-A): number of B that two neighbouring A have in common: 1 shared corner, 2 shared
edge, 3 shared face.

Items are the pairs of centres, periodic images included, each once, that have at least one B in
common; ``shared(A-B-C)`` takes one centre from A and one from C.

soft:   n = Σ_B p(B) σ σ′, with σ(8/Å · (r − d)) of either bond, and the weight P(A and C) min(1, n)
exact:  the number of B within r of both, whole atoms

The weight fades with the last shared B, so no pair appears or vanishes at once. By default the
value of a crystal is the mean over its pairs: a perovskite is 1 everywhere, rutile has edges in its
chains and corners between them. ``each``, ``any`` and ``fraction`` tell these apart:
``fraction(shared(Ti-O-Ti) = 2 ± 0.1)`` is the share of edges.

r is the sum of the Cordero covalent radii + 0.5 Å of each element pair, or the given ``r``, for
both bonds. Undefined where no two centres have a B in common; a cell so dense that its bonds cannot
be paired is undefined too. Tolerance 0.5, scale 1: one ligand.

Source: the sharing of polyhedra is Pauling's, J. Am. Chem. Soc. 51, 1010 (1929),
doi:10.1021/ja01379a006.
"""

from __future__ import annotations

from typing import NamedTuple

from scoutlang.descriptors._composition import whole
from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours, torch
from scoutlang.descriptors._radius import RADIUS, element_pairs, radii, unknown_radius
from scoutlang.descriptors._values import by_sharpness
from scoutlang.ir import Measure
from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.ir.signatures import DescriptorSignature

_LEAST_SHARE = 5e-6  # what the smooth step is cut off at: lighter contributions are left out


def formula(measure: Measure) -> str:
    """The soft value as text, with the radius of every element pair."""
    first, ligand, second = measure.species
    pairs = element_pairs(first, ligand) + element_pairs(second, ligand)
    return (
        f"Σ σ(8 Å⁻¹ (r − d)) σ(8 Å⁻¹ (r − d′)) over the {ligand.text} shared by {first.text} "
        f"and {second.text}, r in Å: {radii(measure, pairs)}"
    )


class Bridges(NamedTuple):
    """Every way in which a B joins two centres, each once."""

    found: neighbours.Bonds
    """From the B to the centres."""
    k: Tensor
    """(Q,) int64, the bond of each bridge to one centre."""
    m: Tensor
    """(Q,) int64, the one to the other centre."""
    weight: Tensor
    """(Q,) p(B) σ σ′, given that the ends are centres."""
    pair: Tensor
    """(Q,) int64, the pair of centres of each bridge, from 0 to M."""
    number: Tensor
    """(M,) B that the two centres have in common."""
    both: Tensor
    """(M,) probability that one of the two is an A and the other a C."""
    system: Tensor
    """(M,) int64."""


def bridges(batch: CrystalBatch, measure: Measure, sharpness: float | Tensor | None) -> Bridges:
    """Those of A-B-C."""
    first, ligand, second = (place.elements for place in measure.species)
    centres = tuple(dict.fromkeys(first + second))
    found = neighbours.uncrowded(
        neighbours.bonds(batch, ligand, centres, measure.parameter("r"), sharpness)
    )
    species = batch.species if sharpness is not None else whole(batch).species

    def probability(elements: tuple[str, ...]) -> Tensor:
        return species[:, [ATOMIC_NUMBER[e] for e in elements]].sum(-1)

    near = found.weight / probability(centres)[found.j]  # given that the centre is one
    with torch.no_grad():
        k, m = neighbours.at_one_centre(found, found)
        once = _once(found, k, m) & (found.centre[found.i[k]] * near[k] * near[m] > _LEAST_SHARE)
        k, m = k[once], m[once]
        pair, first_of = _pairs(found, k, m)
    share = found.centre[found.i[k]] * near[k] * near[m]
    count = neighbours.sum_by_structure(share, pair, len(first_of))
    x, y = found.j[k[first_of]], found.j[m[first_of]]
    a, c, both = (
        probability(first),
        probability(second),
        probability(tuple(e for e in first if e in second)),
    )
    apart = a[x] * c[y] + c[x] * a[y] - both[x] * both[y]
    # an atom and its image are the same element
    probable = torch.where(x == y, both[x], apart)
    return Bridges(found, k, m, share, pair, count, probable, batch.system[x])


def _shared(
    batch: CrystalBatch, measure: Measure, sharpness: float | Tensor | None
) -> neighbours.SiteValues:
    """Number of shared B of every pair (M,)."""
    of = bridges(batch, measure, sharpness)
    return neighbours.SiteValues(
        of.number, of.both * of.number.clamp(max=1), of.system, ~of.found.overflow
    )


def _once(found: neighbours.Bonds, k: Tensor, m: Tensor) -> Tensor:
    """(Q,) bool: of the two orders in which two bonds of a ligand can be taken, one; of a bond and
    itself, none.
    """
    x, y = found.j[k], found.j[m]
    a, b, c = (found.shift[m] - found.shift[k]).unbind(-1)
    later_image = (a > 0) | ((a == 0) & ((b > 0) | ((b == 0) & (c > 0))))
    return (x < y) | ((x == y) & later_image)


def _pairs(found: neighbours.Bonds, k: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
    """→ the pair of centres (Q,) that each pair of bonds belongs to, counted from 0, and one pair
    of bonds of each (M,).
    """
    pair = found.j[k] * len(found.centre) + found.j[m]
    for offset in (found.shift[m] - found.shift[k]).long().unbind(-1):
        # small numbers again, so that the product stays one
        pair = torch.unique(pair, return_inverse=True)[1]
        if len(offset):
            pair = pair * (offset.max() - offset.min() + 1) + offset - offset.min()
    names, pair = torch.unique(pair, return_inverse=True)
    first_of = torch.zeros_like(names).scatter_(
        0, pair, torch.arange(len(pair), device=pair.device)
    )
    return pair, first_of


soft, exact = by_sharpness(_shared)

SIGNATURE = DescriptorSignature(
    name="shared",
    summary="number of B that two A have in common: corner 1, edge 2, face 3",
    species=3,
    domain="item",
    parameters=(RADIUS,),
    example="require shared(Cu-P-Cu) = 1 ± 0.3",
    concerns=unknown_radius,
    role="count",
)
