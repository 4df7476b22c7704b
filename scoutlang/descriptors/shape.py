"""shape(A-B, tetrahedron): how far the n nearest B around each A are from an ideal polyhedron with
n vertices, 0 perfect to 100.

S = 100 · min Σ_k |v_k − a R p_k|² / Σ_k |v_k − v̄|² over rotations and reflections R, the size a,
and which neighbour is which vertex

v: the centre A and its n nearest B; p: the centre and the vertices of the ideal polyhedron; both
from their own centroid v̄. The centre stands for the centre; pymatgen's chemenv gives the same for
points centred so. Below 1 the shape is hardly distorted, above 3 strongly; other shapes give 5 to
35: an octahedron is 16.74 from the trigonal prism, a square is 33.33 from the tetrahedron. A bond
that is too long counts, the size of the whole does not.

soft:   S, with the weight p_i(A) times the harmonic mean of p_k(B) σ(8/Å · (r − d_k)); neighbours
are atoms that are more likely B than not exact:  the same for whole atoms within r

S is optimal to the last permutation up to 8 vertices. For 12 it is searched from every pair of
neighbours laid on an edge of the polyhedron: in trials with random displacements it was optimal
wherever S < 9, and above that sometimes too large. The derivative is that of S with the best fit
held fixed.

Only the n nearest are looked at, so an octahedron with four short bonds may pass for a square: say
``CN(A-B) = 4`` as well. A site with fewer than n neighbours within r has no value and is left out;
so is, in the exact value, a site whose next neighbour is as near as its n-th (within 0.01 Å), where
"the n nearest" means nothing. r is 1.5 times the largest sum of Cordero covalent radii + 0.5 Å, or
the given ``r``. All ideal polyhedra have equal bonds, and equal edges too but for the trigonal
bipyramid and the square pyramid (104.48° between apex and base, SHAPE's SPY-5). Undefined where A
is absent. Tolerance 1, scale 5.

Sources: Zabrodsky, Peleg, Avnir, J. Am. Chem. Soc. 114, 7843 (1992), doi:10.1021/ja00046a033;
Pinsky & Avnir, Inorg. Chem. 37, 5575 (1998), doi:10.1021/ic9804925; Alvarez et al., New J. Chem.
26, 996 (2002), doi:10.1039/b200641n.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import permutations, product

from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours, torch
from scoutlang.descriptors._radius import largest_radius, unknown_radius
from scoutlang.descriptors._values import by_sharpness
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature, Parameter

Point = tuple[float, float, float]
Order = tuple[int, ...]

_REACH = 1.5  # neighbour radii
_TIE = 0.01  # Å
_FLAT = 1e-12  # Å^2: points closer together have no shape
_MOST_TRIED = 8  # vertices up to which every permutation is tried
_FITS = 1 << 18  # fits in memory at once
_STARTS, _ROUNDS = 24, 6  # of the search: fits that are refined, and how often at most
_NEWTON = 8  # steps to the size of a fit: the error is squared by each


def formula(measure: Measure) -> str:
    """The value as text."""
    centre, neighbour = measure.species
    name = measure.choice("like") or ""
    return (
        f"100 · min Σ|v − a R p|² / Σ|v|² of the {len(POLYHEDRA[name])} nearest "
        f"{neighbour.text} around {centre.text} "
        f"against the {name.replace('_', ' ')}, within {_radius(measure):.2f} Å"
    )


def _ring(count: int, height: float = 0.0, radius: float = 1.0, turn: float = 0.0) -> list[Point]:
    angles = [2 * math.pi * k / count + turn for k in range(count)]
    return [(radius * math.cos(a), radius * math.sin(a), height) for a in angles]


def _signs(*corner: float) -> list[Point]:
    """A point with every choice of signs for its coordinates."""
    return sorted(set(product(*({c, -c} for c in corner))))  # type: ignore[arg-type]


_GOLDEN = (1 + math.sqrt(5)) / 2
_ANTIPRISM = math.sqrt(2 - (2 * math.sin(math.pi / 8)) ** 2) / 2
_POLES: list[Point] = [(0.0, 0.0, 1.0), (0.0, 0.0, -1.0)]

POLYHEDRA: Mapping[str, list[Point]] = {
    "linear": _POLES,
    "trigonal_plane": _ring(3),
    "tetrahedron": [(1.0, 1.0, 1.0), (1.0, -1.0, -1.0), (-1.0, 1.0, -1.0), (-1.0, -1.0, 1.0)],
    "square_plane": _ring(4),
    "trigonal_bipyramid": _ring(3) + _POLES,
    "square_pyramid": [_POLES[0], *_ring(4, -1 / 4, math.sqrt(15) / 4)],
    "octahedron": _ring(4) + _POLES,
    "trigonal_prism": _ring(3, math.sqrt(3) / 2) + _ring(3, -math.sqrt(3) / 2),
    "cube": _signs(1.0, 1.0, 1.0),
    "square_antiprism": _ring(4, _ANTIPRISM) + _ring(4, -_ANTIPRISM, turn=math.pi / 4),
    "cuboctahedron": _signs(1.0, 1.0, 0.0) + _signs(1.0, 0.0, 1.0) + _signs(0.0, 1.0, 1.0),
    "anticuboctahedron": _ring(6)
    + [p for z in (1, -1) for p in _ring(3, z * math.sqrt(2 / 3), math.sqrt(1 / 3), math.pi / 6)],
    "icosahedron": _signs(0.0, 1.0, _GOLDEN)
    + _signs(1.0, _GOLDEN, 0.0)
    + _signs(_GOLDEN, 0.0, 1.0),
}
"""Vertices around the centre, in any unit; their centroid is the centre. All have a mirror image
that is a rotation of themselves.
"""


def shape_measure(points: Tensor, polyhedron: list[Point]) -> Tensor:
    """S of (M, n, 3) vectors from the centre to n neighbours, in any order, against n vertices →
    (M,). Differentiable at a fixed fit.
    """
    ideal = points.new_tensor(polyhedron)
    with torch.no_grad():
        fit = _best_of_all if len(polyhedron) <= _MOST_TRIED else _best_found
        vertex = fit(points.detach().double(), ideal.double(), polyhedron)
    # The vertices sum to 0, so the centroid of the neighbours drops out of the fit.
    overlap = torch.linalg.svdvals(points.transpose(1, 2) @ ideal[vertex]).sum(-1)
    spread = points.square().sum(dim=(1, 2)) - points.sum(1).square().sum(-1) / (
        len(polyhedron) + 1
    )
    share: Tensor = overlap.square() / (spread.clamp(min=_FLAT) * ideal.square().sum())
    return 100 * (1 - share).clamp(min=0)


def _shape(
    batch: CrystalBatch, measure: Measure, sharpness: float | Tensor | None
) -> neighbours.SiteValues:
    """S of every atom (N,)."""
    polyhedron = POLYHEDRA[measure.choice("like") or ""]
    number = len(polyhedron)
    centre, neighbour = (place.elements for place in measure.species)
    found = neighbours.bonds(batch, centre, neighbour, _radius(measure), sharpness)
    with torch.no_grad():
        counted = (neighbours.decided(batch, neighbour)[found.j] > 0) & (found.weight > 0)
        site, nearest = _nearest(found, counted, number, tie=_TIE if sharpness is None else None)
    value = torch.zeros_like(found.centre).index_copy(
        0, site, shape_measure(found.vector[nearest], polyhedron)
    )
    weight = torch.zeros_like(found.centre).index_copy(
        0, site, found.centre[site] * number / found.weight[nearest].reciprocal().sum(-1)
    )
    return neighbours.SiteValues(value, weight, batch.system, ~found.overflow, found.centre)


def _nearest(
    found: neighbours.Bonds, counted: Tensor, number: int, tie: float | None
) -> tuple[Tensor, Tensor]:
    """→ sites (M,) that have enough counted bonds, and their shortest ones (M, number), by distance
    and then as they come.
    """
    bond = counted.nonzero().squeeze(-1)
    bond = bond[found.distance[bond].argsort(stable=True)]
    bond = bond[found.i[bond].argsort(stable=True)]
    count = torch.bincount(found.i[bond], minlength=len(found.centre))
    start = count.cumsum(0) - count
    site = (count >= number).nonzero().squeeze(-1)
    if tie is not None and len(site):
        last = start[site] + number - 1
        after = found.distance[bond[(last + 1).clamp(max=len(bond) - 1)]]
        site = site[(count[site] == number) | (after > found.distance[bond[last]] + tie)]
    return site, bond[start[site][:, None] + torch.arange(number, device=bond.device)]


# ---- which neighbour is which vertex ----


def _best_of_all(points: Tensor, ideal: Tensor, polyhedron: list[Point]) -> Tensor:
    """(M, n, 3) → (M, n) vertex of each neighbour, by trying every assignment that is not a turned
    or mirrored copy of another.
    """
    orders = torch.tensor(list(_assignments(_symmetries(polyhedron))), device=points.device)
    if len(orders) == 1:
        return orders.expand(len(points), -1)
    vertices = ideal[orders].transpose(1, 2).reshape(-1, ideal.shape[0])  # (orders · 3, n)
    best = []
    for part in torch.split(points, max(1, _FITS // len(orders))):
        overlap = (vertices @ part).view(len(part), len(orders), 3, 3)
        best.append(_singular_sum(overlap).argmax(-1))
    return orders[torch.cat(best)] if best else orders[:0]


def _singular_sum(matrix: Tensor) -> Tensor:
    """(..., 3, 3) → sum of the singular values, that is the largest trace over rotations and
    reflections.

    With e1 = Σ s², e2 = Σ s² s'², e3 = |det| it is the largest root of (t² − e1)² = 4 e2 + 8 e3 t,
    and Newton's steps from √(3 e1) come down to it without overshooting (the idea of Theobald, Acta
    Cryst. A61, 478, 2005).
    """
    x, y, z = matrix.unbind(-2)
    e1 = matrix.square().sum(dim=(-2, -1))
    e2 = sum(torch.linalg.cross(a, b).square().sum(-1) for a, b in ((x, y), (y, z), (z, x)))
    e3 = (x * torch.linalg.cross(y, z)).sum(-1).abs()
    t = (3 * e1).sqrt()
    for _ in range(_NEWTON):
        excess = t.square() - e1
        t = t - (excess.square() - 4 * e2 - 8 * e3 * t) / (4 * t * excess - 8 * e3).clamp(
            min=torch.finfo(t.dtype).tiny
        )
    return t


def _symmetries(polyhedron: list[Point]) -> list[Order]:
    """Permutations of the vertices that keep all products between them: the rotations and
    reflections of the polyhedron.
    """
    gram = [
        [round(sum(a * b for a, b in zip(p, q, strict=True)), 6) for q in polyhedron]
        for p in polyhedron
    ]

    def extend(chosen: Order) -> Iterator[Order]:
        new = len(chosen)
        if new == len(polyhedron):
            yield chosen
            return
        for vertex in range(len(polyhedron)):
            if vertex not in chosen and all(
                gram[vertex][v] == gram[new][k] for k, v in enumerate((*chosen, vertex))
            ):
                yield from extend((*chosen, vertex))

    return list(extend(()))


def _assignments(group: list[Order], chosen: Order = ()) -> Iterator[Order]:
    """One permutation of the vertices from each set of those that the group turns into each other.

    The next vertex need only be one of each orbit of the symmetries that leave the chosen ones in
    place.
    """
    left = [v for v in range(len(group[0])) if v not in chosen]
    if len(group) == 1:
        yield from ((*chosen, *rest) for rest in permutations(left))
        return
    seen: set[int] = set()
    for vertex in left:
        if vertex not in seen:
            seen |= {g[vertex] for g in group}
            yield from _assignments([g for g in group if g[vertex] == vertex], (*chosen, vertex))


def _best_found(points: Tensor, ideal: Tensor, polyhedron: list[Point]) -> Tensor:
    """(M, n, 3) → (M, n) vertex of each neighbour, by a search: the best of many starts, refined by
    turns.

    A start turns one edge of the polyhedron onto an ordered pair of neighbours. Those whose
    vertices come nearest to neighbours are refined: best assignment for the rotation (Hungarian
    method), best rotation for the assignment, until nothing changes.
    """
    if not len(points):
        return torch.zeros(points.shape[:2], dtype=torch.int64, device=points.device)
    size = torch.linalg.vector_norm(points, dim=-1).mean(-1)[:, None, None]
    scaled = points / size.clamp(min=torch.finfo(points.dtype).tiny)
    distance = torch.linalg.vector_norm(ideal[1:] - ideal[0], dim=-1)
    edge = _frame(ideal[0], ideal[1 + int(distance.argmin())])
    first, second = (
        (~torch.eye(len(ideal), dtype=torch.bool, device=points.device)).nonzero().unbind(-1)
    )
    rotation = _frame(scaled[:, first], scaled[:, second]) @ edge.T  # (M, starts, 3, 3)
    turned = rotation @ ideal.T
    score = torch.cat(
        [
            _assignment_bound(p[:, None] @ t)
            for p, t in zip(torch.split(scaled, 256), torch.split(turned, 256), strict=True)
        ]
    )
    chosen = score.topk(_STARTS, dim=-1).indices
    rotation = rotation[torch.arange(len(points), device=points.device)[:, None], chosen]
    vertex = _assigned(scaled, rotation, ideal)
    for _ in range(_ROUNDS):
        overlap = scaled.transpose(1, 2)[:, None] @ ideal[vertex]
        u, _, v = torch.linalg.svd(overlap)
        again = _assigned(scaled, u @ v, ideal)
        if torch.equal(again, vertex):
            break
        vertex = again
    best = _singular_sum(scaled.transpose(1, 2)[:, None] @ ideal[vertex]).argmax(-1)
    return vertex[torch.arange(len(points), device=points.device), best]


def _assignment_bound(gain: Tensor) -> Tensor:
    """(..., n, n) → no less than the gain of the best assignment: each row takes its best column,
    or each column its best row.
    """
    return torch.minimum(gain.amax(-1).sum(-1), gain.amax(-2).sum(-1))


def _frame(first: Tensor, second: Tensor) -> Tensor:
    """(..., 3) two directions → (..., 3, 3) with orthonormal columns: the first, the part of the
    second across it, and their product.
    """
    x = torch.nn.functional.normalize(first, dim=-1)
    y = torch.nn.functional.normalize(second - (second * x).sum(-1, keepdim=True) * x, dim=-1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1)


def _assigned(points: Tensor, rotation: Tensor, ideal: Tensor) -> Tensor:
    """(M, n, 3), (M, K, 3, 3) → (M, K, n): the vertex of each neighbour with the largest sum of
    products after each rotation.
    """
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    gain = (points[:, None] @ rotation @ ideal.T).cpu().numpy()
    vertex = np.array([[linear_sum_assignment(g, maximize=True)[1] for g in site] for site in gain])
    return torch.as_tensor(vertex, device=points.device)


def _radius(measure: Measure) -> float:
    return measure.parameter("r") or _REACH * largest_radius(measure)


soft, exact = by_sharpness(_shape)

SIGNATURE = DescriptorSignature(
    name="shape",
    summary="distance of the nearest B around each A from an ideal polyhedron, 0 (perfect) to 100",
    species=2,
    scale=5.0,
    tolerance=1.0,
    maximum=100.0,
    domain="site",
    parameters=(
        Parameter("like", "choice", "", choices=tuple(POLYHEDRA), required=True),
        Parameter(
            "r",
            "length",
            "1.5 × (sum of the Cordero covalent radii + 0.5 Å), "
            "the reach within which neighbours are sought",
            0.5,
            12.0,
        ),
    ),
    example="require shape(Cu-P, tetrahedron) < 1.5",
    concerns=unknown_radius,
)
