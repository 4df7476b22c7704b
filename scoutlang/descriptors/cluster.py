"""cluster(A): number of atoms of the cluster of A that each A is part of, without any centre.

Two A of one cluster are bonded, directly or through other A of it: within r, the sum of the Cordero
covalent radii + 0.5 Å of the element pair, or the given ``r``. White phosphorus has 4, S8 has 8, a
pair of S in pyrite 2, an A without another one 1. ``by`` says which bonds count:

bonds:  all of them, the usual
faces:  those that are a side of two or more triangles of such bonds, as every edge of a closed
        polyhedron of triangles (tetrahedron, octahedron, icosahedron) is, while bonds that join two
        such polyhedra mostly are not. So ``cluster(B, by=faces)`` is 12 in alpha boron, whose
        icosahedra are bonded to one another by bonds shorter than their own, and 6 in CaB6.

In Chevrel phases Mo6 needs a radius between the bonds within the octahedra and those between them,
``cluster(Mo, r=2.9 Å)``. The shape is not asked for; twelve atoms may be more than an icosahedron,
so say ``CN(B-B)`` as well. An atom whose bonds lead to its own images is of a network, not of a
cluster: it has no value and is left out of means, and ``each`` does not hold there. Undefined where
A is absent or of networks only. Judged only: it is a whole number. Tolerance 0.5.
Source: K. Wade, Adv. Inorg. Chem. Radiochem. 18, 1 (1976), doi:10.1016/S0065-2792(08)60027-8, for
the polyhedra of triangles.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from scoutlang.descriptors._later import CrystalBatch, neighbours
from scoutlang.descriptors._network import Vector, components, minus
from scoutlang.descriptors._radius import RADIUS, element_pairs, radii, unknown_radius
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature, Parameter

SIGNATURE = DescriptorSignature(
    name="cluster",
    summary="atoms of the cluster of bonded A that each A is part of",
    species=1,
    minimum=1.0,
    domain="site",
    parameters=(RADIUS, Parameter("by", "choice", "bonds", choices=("bonds", "faces"))),
    differentiable=False,
    role="count",
    example="expect each cluster(P) = 4",
    since="1.1",
    concerns=unknown_radius,
)

_Bond = tuple[int, int, Vector]


def formula(measure: Measure) -> str:
    """The value as text, with the radius of every element pair."""
    place = measure.species[0]
    kind = "" if measure.choice("by") != "faces" else ", each a side of two triangles"
    pairs = element_pairs(place, place)
    return f"atoms joined by {place.text}-{place.text} bonds{kind}, r in Å: {radii(measure, pairs)}"


def exact(batch: CrystalBatch, measure: Measure) -> neighbours.SiteValues:
    """Size of the cluster of every atom (N,), 0 where it is of a network."""
    elements = measure.species[0].elements
    found = neighbours.bonds(batch, elements, elements, measure.parameter("r"))
    bonded = found.weight > 0
    bonds: Iterable[_Bond] = [
        (i, j, (x, y, z))
        for i, j, (x, y, z) in zip(
            found.i[bonded].tolist(),
            found.j[bonded].tolist(),
            found.shift[bonded].round().long().tolist(),
            strict=True,
        )
    ]
    if measure.choice("by") == "faces":
        bonds = _of_two_triangles(bonds)
    sizes = [0] * len(found.centre)
    for own, loops in components(len(sizes), bonds):
        for i in own:
            sizes[i] = 0 if loops else len(own)
    value = batch.frac.new_tensor(sizes)
    return neighbours.SiteValues(
        value, found.centre * (value > 0), batch.system, ~found.overflow, found.centre
    )


def _of_two_triangles(bonds: Iterable[_Bond]) -> Iterator[_Bond]:
    """Those whose ends have two bonded atoms in common, or more. bonds: of both directions."""
    around: defaultdict[int, set[tuple[int, Vector]]] = defaultdict(set)
    for i, j, image in bonds:
        around[i].add((j, image))
    for i, to in around.items():
        for j, image in to:
            seen_from_j = ((k, minus(at, image)) for k, at in to)
            if sum(other in around[j] for other in seen_from_j) > 1:
                yield i, j, image


def why_undefined(batch: CrystalBatch, measure: Measure, place: int) -> str:
    """Of a crystal that holds A."""
    return f"all {measure.species[0].text} are of networks that go on without an end"
