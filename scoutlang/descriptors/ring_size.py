"""ring_size(A-B): number of atoms in the smallest ring of A-B bonds through each A.

A ring is a closed walk along bonds between an A and a B, through different atoms, where an atom and
its periodic image are two; a chain that only ends in its own image is none. All atoms of the ring
count: the six-rings of silica are 12 here, six Si and six O. Diamond and graphite have 6 (C-C),
quartz 12, rhenium trioxide 8, and 4 is the ring of two polyhedra that share an edge, as in rutile.

A site has no value where it is in no ring of 24 atoms or fewer, and is left out of means; ``each``
does not hold there. Two atoms are bonded within r, the sum of the Cordero covalent radii + 0.5 Å of
the element pair, or the given ``r``. Undefined where A is absent or in no ring. Judged only: it is
a whole number. Tolerance 0.5.
Source: the shortest rings of D. S. Franzblau, Phys. Rev. B 44, 4925 (1991),
doi:10.1103/PhysRevB.44.4925.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from scoutlang.descriptors._later import CrystalBatch, neighbours
from scoutlang.descriptors._radius import RADIUS, element_pairs, radii, unknown_radius
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature

LARGEST = 24
"""Atoms of the largest ring that is looked for."""

_Image = tuple[int, int, int]
_Network = Mapping[int, Sequence[tuple[int, _Image]]]

SIGNATURE = DescriptorSignature(
    name="ring_size",
    summary="atoms in the smallest ring of A-B bonds through each A",
    species=2,
    minimum=3.0,
    maximum=LARGEST,
    domain="site",
    parameters=(RADIUS,),
    differentiable=False,
    example="expect each ring_size(Si-P) = 6",
    since="1.1",
    concerns=unknown_radius,
)


def formula(measure: Measure) -> str:
    """The value as text, with the radius of every element pair."""
    a, b = measure.species
    pairs = element_pairs(a, b)
    return f"atoms of the smallest {a.text}-{b.text} ring, r in Å: {radii(measure, pairs)}"


def exact(batch: CrystalBatch, measure: Measure) -> neighbours.SiteValues:
    """Ring size of every atom (N,), 0 where there is none."""
    a, b = (place.elements for place in measure.species)
    found = neighbours.bonds(batch, a, b, measure.parameter("r"))
    bonded = found.weight > 0
    network: dict[int, dict[tuple[int, _Image], None]] = defaultdict(dict)
    for i, j, (x, y, z) in zip(
        found.i[bonded].tolist(),
        found.j[bonded].tolist(),
        found.shift[bonded].round().long().tolist(),
        strict=True,
    ):
        network[i][j, (x, y, z)] = None
        network[j][i, (-x, -y, -z)] = None
    bonds = {i: list(to) for i, to in network.items()}
    sizes = [_smallest(bonds, i) if c > 0 else 0 for i, c in enumerate(found.centre.tolist())]
    value = batch.frac.new_tensor(sizes)
    return neighbours.SiteValues(
        value, found.centre * (value > 0), batch.system, ~found.overflow, found.centre
    )


def _smallest(bonds: _Network, atom: int) -> int:
    """Atoms of the smallest ring through one, 0 where there is none.

    Atoms are met in the order of their distance along bonds, each from one of the bonds of the
    first; a bond between two that were met from different ones closes a ring.
    """
    start = (atom, (0, 0, 0))
    distance = {start: 0}
    met_from: dict[tuple[int, _Image], int] = {}
    best = LARGEST + 1
    queue = [start]
    for here in queue:  # it grows
        far = distance[here]
        if 2 * far + 1 >= best:
            break
        for branch, (j, (x, y, z)) in enumerate(bonds.get(here[0], ())):
            there = (j, (here[1][0] + x, here[1][1] + y, here[1][2] + z))
            own = branch if here == start else met_from[here]
            if there not in distance:
                distance[there], met_from[there] = far + 1, own
                queue.append(there)
            elif start not in (here, there) and met_from[there] != own:
                best = min(best, far + distance[there] + 1)
    return best if best <= LARGEST else 0


def why_undefined(batch: CrystalBatch, measure: Measure, place: int) -> str:
    """Of a crystal that holds A and B."""
    a, b = measure.species
    return f"there is no ring of {a.text}-{b.text} bonds of {LARGEST} atoms or fewer"
