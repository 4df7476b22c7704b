"""Periodic pairs of a batch of crystals, and the smooth step that turns distances into neighbours.

The search (which pairs, which periodic images) is discrete and runs without gradients; the
distances of the pairs it keeps are then computed from ``frac`` and ``cell``, so gradients reach
both. Nothing here loops over structures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.ir.elements import ATOMIC_NUMBER, neighbour_radius

SHARPNESS = 8.0
"""Slope of the smooth step in 1/Å (paper, section 3)."""

SIGMOID_TAIL = 12.0
"""Where the smooth step is cut off: sigmoid(-12) = 6e-6, that is 1.5 Å beyond the radius at 8/Å."""

MAX_IMAGES = 1024
"""Most periodic images per pair that a search considers. A cell that needs more is degenerate: it
is reported, not searched.
"""

MAX_IMAGES_EXACT = 16 * MAX_IMAGES
"""The same bound for the exact evaluators, which see finished structures, a few at a time."""

MAX_BOND_PAIRS = 4_000_000
"""Most pairs of bonds that share a centre, of one crystal. 1000 atoms with 60 neighbours each have
fewer.
"""

PRESENT = 0.5
"""A species is present where its expected number of atoms is at least this; an atom is an element
where its probability is above this.
"""

GAP = "gap"
"""In the place of a radius: each centre's own, `gap_radius`."""

GAP_REACH = 2.0
"""Nearest distances: how far the largest gap of a centre is looked for."""

BOUNDARY_SLACK = 1e-6
"""Å. Exact evaluators count d ≤ r + slack, so that a site exactly on the radius does not flip with
rounding.
"""

LEAST_VOLUME = 1e-3
"""Å^3. A cell with less is taken for a flat one; an atom takes a thousand times as much under the
highest pressures.
"""

_WEIGHT_FLOOR = 1e-6
_BOUND_PAD = 1e-4  # relative, and in Å
_WINDOW_PAD = 1e-4  # in cell heights: rounding never loses an image; the distance test decides


@dataclass(frozen=True)
class DescriptorValue:
    """One descriptor on B crystals."""

    value: Tensor
    """(B,) in the descriptor's canonical unit. Where undefined: 0 without gradient (soft), NaN
    (exact).
    """
    defined: Tensor
    """(B,) bool, False where a species is absent or the cell is degenerate."""

    @classmethod
    def soft(cls, value: Tensor, defined: Tensor) -> DescriptorValue:
        return cls(torch.where(defined, value, torch.zeros_like(value)), defined)

    @classmethod
    def exact(cls, value: Tensor, defined: Tensor) -> DescriptorValue:
        return cls(torch.where(defined, value, torch.full_like(value, torch.nan)).detach(), defined)


@dataclass(frozen=True)
class SiteValues:
    """One descriptor on M sites (or items of its own: angles, pairs of polyhedra) of B crystals. A
    domain of ``site`` has M = N, all atoms in order.
    """

    value: Tensor
    """(M,) in the descriptor's canonical unit, finite."""
    weight: Tensor
    """(M,) from 0 to 1, how much the value counts: the probability that the atom is the asked-for
    species, times how much there is to measure (soft), 1 or 0 (exact).
    """
    system: Tensor
    """(M,) int64, the crystal of the item."""
    defined: Tensor
    """(B,) bool, False where the crystal could not be searched."""
    member: Tensor | None = None
    """(M,) the first factor of ``weight`` alone, where the second is not 1: a site may have no
    value, and then nothing is true or false of it.
    """


@dataclass(frozen=True)
class Pairs:
    """P ordered pairs (centre i, one periodic image of neighbour j)."""

    i: Tensor
    """(P,) int64 atoms."""
    j: Tensor
    """(P,) int64 atoms."""
    shift: Tensor
    """(P, 3) whole numbers, in the dtype of the batch: the image of j."""
    vector: Tensor
    """(P, 3) Å, (frac[j] + shift - frac[i]) @ cell, differentiable."""
    distance: Tensor
    """(P,) Å, differentiable; its gradient at 0 is 0."""
    system: Tensor
    """(P,) int64, the crystal of the pair."""
    overflow: Tensor
    """(B,) bool, crystals that were not searched: degenerate or not finite. They have no pairs and
    no defined value.
    """


def cell_volume(cell: Tensor) -> Tensor:
    """(..., 3, 3) Å → (...) Å^3, |a · (b × c)|: unlike a determinant, its gradient is finite for a
    flat cell too.
    """
    a, b, c = cell.unbind(dim=-2)
    face: Tensor = torch.linalg.cross(b, c)
    return (a * face).sum(-1).abs()


def sound_cell(cell: Tensor) -> tuple[Tensor, Tensor]:
    """(B, 3, 3) Å → the same with cubes of 1 Å, which have no gradient, in place of cells that are
    none; (B,) bool, which are cells.

    A cell is finite and has a volume of at least `LEAST_VOLUME`.
    """
    volume = cell_volume(cell.detach())
    sound = volume.isfinite() & (volume >= LEAST_VOLUME)
    return torch.where(
        sound[:, None, None], cell, torch.eye(3, dtype=cell.dtype, device=cell.device)
    ), sound


def angle(u: Tensor, v: Tensor) -> Tensor:
    """Degrees (...) between vectors (..., 3) that are not zero. The arc cosine has no slope at 0°
    and 180°; here it is 0 there.
    """
    across = torch.linalg.vector_norm(torch.linalg.cross(u, v), dim=-1)
    return torch.rad2deg(torch.atan2(across, (u * v).sum(-1)))


def cell_heights(cell: Tensor) -> Tensor:
    """(..., 3, 3) → (..., 3) Å: distance between the lattice planes, h_i = V / |a_j × a_k|."""
    a, b, c = cell.unbind(dim=-2)
    faces = torch.stack(
        [torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)], dim=-2
    )
    areas: Tensor = torch.linalg.vector_norm(faces, dim=-1)
    return cell_volume(cell)[..., None] / areas


def smooth_step(
    distance: Tensor, radius: float | Tensor, sharpness: float | Tensor = SHARPNESS
) -> Tensor:
    """sigmoid(sharpness · (radius − distance)): 1 inside, 0 outside (paper, section 3)."""
    return torch.sigmoid(sharpness * (radius - distance))


def sum_by_structure(values: Tensor, system: Tensor, size: int) -> Tensor:
    """Sums of (M,) values over the crystals that ``system`` (M,) names → (size,)."""
    return values.new_zeros(size).index_add(0, system, values)


def count(index: Tensor, size: int) -> Tensor:
    """How often each whole number below ``size`` stands in (M,) → (size,) int64. Unlike
    `torch.bincount` it does not make the host wait.
    """
    return torch.zeros(size, dtype=torch.int64, device=index.device).index_add(
        0, index, torch.ones_like(index)
    )


def decided(batch: CrystalBatch, elements: Sequence[str]) -> Tensor:
    """(N,) 1 where an atom is one of these elements with a probability above 1/2, else 0."""
    return (batch.weight([ATOMIC_NUMBER[e] for e in elements]) > PRESENT).to(batch.frac.dtype)


def pairs(
    batch: CrystalBatch,
    cutoff: float | Tensor,
    centre: Tensor | None = None,
    neighbour: Tensor | None = None,
    *,
    max_images: int = MAX_IMAGES,
) -> Pairs:
    """All pairs closer than ``cutoff``: self excluded, an atom's own periodic images included.

    cutoff: Å, a number or one per centre (N,). centre, neighbour: (N,) weights (probabilities);
    pairs whose product is at most 1e-6 are skipped. Any dtype, any device; fractional coordinates
    need not be wrapped.

    Along axis k an image n can be in reach only if |f_j + n − f_i|_k · h_k ≤ cutoff. Each pair gets
    its own window of whole numbers from this, so skewed and thin cells get as many images as they
    need and large cells hardly any.
    """
    with torch.no_grad():
        i, j, shift, overflow = _search(batch, cutoff, centre, neighbour, max_images)
    system = batch.system.index_select(0, i)
    vector = _cartesian(_offset(batch.frac, i, j) + shift, batch.cell, system)
    squared = vector.square().sum(0)
    # The root has no slope at 0, where atoms lie on each other.
    apart = squared > 0
    distance = torch.where(
        apart,
        torch.where(apart, squared, torch.ones_like(squared)).sqrt(),
        torch.zeros_like(squared),
    )
    return Pairs(i, j, shift.T, vector.T, distance, system, overflow)


@dataclass(frozen=True)
class Bonds(Pairs):
    """P neighbours j (one periodic image each) of atoms i that may be centres, i ascending."""

    weight: Tensor
    """(P,) from 0 to 1, how much j counts as a neighbour of i, given that i is a centre."""
    centre: Tensor
    """(N,) probability that an atom is a centre."""


def bonds(
    batch: CrystalBatch,
    centres: Sequence[str],
    neighbours: Sequence[str],
    radius: float | str | None = None,
    sharpness: float | Tensor | None = None,
    inner: float | None = None,
) -> Bonds:
    """Neighbours of one kind of element around another within a radius of each element pair.

    radius: Å for every pair, None for `elements.neighbour_radius`, or `GAP` for the `gap_radius` of
    each centre. sharpness: 1/Å of the smooth step, a number or one per crystal (B,), with the
    species probabilities as weights; None counts whole atoms within d ≤ r, the exact evaluators'
    way. inner: Å; what counts within this radius is taken off, which leaves the shell between the
    two.
    """
    a, b = (
        _columns(batch.species, elements, whole=sharpness is None)
        for elements in (centres, neighbours)
    )
    centre = a.sum(-1)
    slope = sharpness
    if isinstance(sharpness, Tensor) and sharpness.dim():
        slope = sharpness.index_select(0, batch.system)
    reach = BOUNDARY_SLACK if slope is None else SIGMOID_TAIL / slope
    most = MAX_IMAGES_EXACT if slope is None else MAX_IMAGES
    if radius == GAP:
        own, crowded = gap_radius(batch, centre, decided(batch, neighbours), max_images=most)
        cutoff = own.detach()
    else:
        radii = batch.frac.new_tensor(
            [[radius or neighbour_radius(x, y) for y in neighbours] for x in centres]
        )
        cutoff = radii.max()
    found = pairs(batch, cutoff + reach, centre, b.sum(-1), max_images=most)
    if radius == GAP:
        radii = own.index_select(0, found.i)[:, None, None]
        found = replace(found, overflow=found.overflow | crowded)
    at_pair = slope
    if isinstance(slope, Tensor) and slope.dim():
        at_pair = slope.index_select(0, found.i)[:, None, None]
    distance = found.distance[:, None, None]
    step = _within(distance, radii, at_pair)
    if inner:
        step = (step - _within(distance, inner, at_pair)).clamp(min=0)
    # An atom and its own image are always the same element; different atoms are independent.
    same = batch.frac.new_tensor([[float(x == y) for y in neighbours] for x in centres])
    other = torch.where(
        (found.i == found.j)[:, None, None], same, b.index_select(0, found.j)[:, None, :]
    )
    weight = (a.index_select(0, found.i)[:, :, None] * other * step).sum(
        dim=(1, 2)
    ) / centre.index_select(0, found.i)
    return Bonds(**vars(found), weight=weight, centre=centre)


def _within(distance: Tensor, radius: float | Tensor, slope: float | Tensor | None) -> Tensor:
    """How much a distance counts as within a radius: by the smooth step, or by d ≤ r where there is
    no slope.
    """
    if slope is None:
        return (distance <= radius + BOUNDARY_SLACK).to(distance.dtype)
    return smooth_step(distance, radius, slope)


def gap_radius(
    batch: CrystalBatch, centre: Tensor, neighbour: Tensor, *, max_images: int = MAX_IMAGES
) -> tuple[Tensor, Tensor]:
    """The middle of the largest gap between the successive distances from a centre to neighbours.

    centre, neighbour: (N,) weights as in `pairs`; neighbours are 0 or 1. Distances are looked at up
    to `GAP_REACH` times the nearest one, and that end counts as the next distance. Of gaps that are
    equal within `BOUNDARY_SLACK` the first is taken. → (N,) Å, 0 where there is no neighbour,
    differentiable where the same gap stays the largest; overflow (B,) as in `Pairs`.
    """
    size = len(batch.system)
    atoms = torch.arange(size, device=batch.frac.device)
    nearest, overflow = shortest(batch, atoms, size, centre, neighbour, max_images=max_images)
    end = torch.where(nearest.isfinite(), GAP_REACH * nearest, torch.zeros_like(nearest))
    found = pairs(batch, end.detach(), centre, neighbour, max_images=max_images)
    order = found.distance.detach().argsort(stable=True)
    order = order.index_select(0, found.i.index_select(0, order).argsort(stable=True))
    i, distance = found.i.index_select(0, order), found.distance.index_select(0, order)
    last = torch.ones_like(i, dtype=torch.bool)
    last[:-1] = i[1:] != i[:-1]
    gap = torch.where(last, end.index_select(0, i), distance.roll(-1)) - distance
    with torch.no_grad():
        largest = gap.new_zeros(size).scatter_reduce(0, i, gap, "amax")
        wide = (gap >= largest.index_select(0, i) - BOUNDARY_SLACK).nonzero().squeeze(-1)
        at = i.index_select(0, wide)
        first = wide[torch.cat([at.new_ones(min(len(at), 1)), at.diff()]) != 0]
    middle = distance.index_select(0, first) + gap.index_select(0, first) / 2
    radius = torch.zeros_like(end).index_add(0, i.index_select(0, first), middle)
    return radius, overflow | found.overflow


def _columns(species: Tensor, elements: Sequence[str], *, whole: bool) -> Tensor:
    """(N, len(elements)) probabilities of these elements; ``whole``: 1 where it is above 1/2, else
    0.
    """
    probability = torch.stack([species[:, ATOMIC_NUMBER[e]] for e in elements], dim=1)
    return (probability > PRESENT).to(species.dtype) if whole else probability


def uncrowded(found: Bonds) -> Bonds:
    """Without the bonds of crystals that have more than `MAX_BOND_PAIRS` pairs of bonds that share
    a centre: these join ``overflow``.
    """
    per_centre = count(found.i, len(found.centre)).index_select(0, found.i)
    crowded = (
        torch.zeros_like(found.overflow, dtype=torch.int64).index_add(0, found.system, per_centre)
        > MAX_BOND_PAIRS
    )
    if not crowded.any():
        return found
    kept = ~crowded[found.system]
    columns = {
        name: getattr(found, name)[kept]
        for name in ("i", "j", "shift", "vector", "distance", "system", "weight")
    }
    return replace(found, **columns, overflow=found.overflow | crowded)


def at_one_centre(first: Bonds, second: Bonds) -> tuple[Tensor, Tensor]:
    """→ (k, l), each (Q,) int64: every bond l of the second list at the centre of every bond k of
    the first, k itself included.
    """
    per_centre = count(second.i, len(second.centre))
    k, local = _ragged(per_centre[first.i])
    return k, (per_centre.cumsum(0) - per_centre)[first.i[k]] + local


def shortest(
    batch: CrystalBatch,
    group: Tensor,
    size: int,
    centre: Tensor,
    neighbour: Tensor,
    *,
    max_images: int = MAX_IMAGES,
) -> tuple[Tensor, Tensor]:
    """Shortest distance from the centres of each group to any neighbour, periodic images included.

    group: (N,) int64 in [0, size): the group of each atom. centre, neighbour: (N,) 0 or 1.
    → (size,) Å, differentiable, infinite where there is no pair (equal shortest pairs share the
    gradient); overflow (B,) as in `Pairs`.

    No radius is guessed: one image of every neighbour (or, for its own images, the shortest cell
    edge) bounds the answer from above, and the search goes exactly that far.
    """
    with torch.no_grad():
        bound = _upper_bound(batch, centre, neighbour)
        limit = bound.new_full((size,), torch.inf).scatter_reduce(0, group, bound, "amin")
        limit = torch.where(
            limit.isfinite(), limit * (1 + _BOUND_PAD) + _BOUND_PAD, torch.zeros_like(limit)
        )
    found = pairs(batch, limit[group], centre, neighbour, max_images=max_images)
    distance = torch.full_like(limit, torch.inf).scatter_reduce(
        0, group[found.i], found.distance, "amin"
    )
    return distance, found.overflow


def _upper_bound(batch: CrystalBatch, centre: Tensor, neighbour: Tensor) -> Tensor:
    """(N,) Å: no smaller than the distance of a centre's nearest neighbour; infinite where there is
    none.
    """
    edge = torch.linalg.vector_norm(batch.cell, dim=-1).amin(dim=-1)[batch.system]
    itself = (centre * neighbour) > _WEIGHT_FLOOR
    bound = torch.where(itself, edge, torch.full_like(edge, torch.inf))
    i, j = _combinations(batch, centre, neighbour)
    offset = _offset(batch.frac, i, j)
    distance = (
        _cartesian(offset - torch.floor(offset + 0.5), batch.cell, batch.system[i])
        .square()
        .sum(0)
        .sqrt()
    )
    return bound.scatter_reduce(0, i, distance.masked_fill(i == j, torch.inf), "amin")


def _combinations(batch: CrystalBatch, centre: Tensor, neighbour: Tensor) -> tuple[Tensor, Tensor]:
    """All (i, j) within a crystal whose weights (N,) are both above the floor, i ascending; i = j
    included.
    """
    system = batch.system
    centres = (centre > _WEIGHT_FLOOR).nonzero().squeeze(-1)
    neighbours = (neighbour > _WEIGHT_FLOOR).nonzero().squeeze(-1)
    per_system = count(system.index_select(0, neighbours), batch.size)
    owner = system.index_select(0, centres)
    row, local = _ragged(per_system.index_select(0, owner))
    first = (per_system.cumsum(0) - per_system).index_select(0, owner)
    return centres.index_select(0, row), neighbours.index_select(
        0, first.index_select(0, row) + local
    )


def _search(
    batch: CrystalBatch,
    cutoff: float | Tensor,
    centre: Tensor | None,
    neighbour: Tensor | None,
    max_images: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """→ i (P,), j (P,), shift (3, P), overflow (B,). Vectors are (3, …) here, axis by axis: several
    times as fast as (…, 3).
    """
    frac, system = batch.frac, batch.system
    radius = torch.as_tensor(cutoff, dtype=frac.dtype, device=frac.device).expand(len(frac))
    centre = torch.ones_like(radius) if centre is None else centre
    neighbour = torch.ones_like(radius) if neighbour is None else neighbour

    reach = radius / cell_heights(batch.cell).T.contiguous().index_select(1, system) + _WINDOW_PAD
    images = (2 * torch.floor(reach + 0.5) + 1).prod(dim=0)
    searchable = (images <= max_images) & frac.isfinite().all(dim=-1)  # false for NaN as well
    overflow = sum_by_structure((~searchable).to(frac.dtype), system, batch.size) > 0

    i, j = _combinations(batch, centre.masked_fill(overflow.index_select(0, system), 0), neighbour)
    offset, window = _offset(frac, i, j), reach.index_select(1, i)
    first = torch.ceil(-window - offset)
    heavy = centre.index_select(0, i) * neighbour.index_select(0, j) > _WEIGHT_FLOOR
    along = (torch.floor(window - offset) - first + 1).clamp(min=0) * heavy
    owner, local = _ragged(along.prod(dim=0).long())
    _, along_b, along_c = along.index_select(1, owner)
    item = local.to(frac.dtype)  # whole numbers far below 2^24: division and floor are exact
    row = torch.floor(item / along_c)
    plane = torch.floor(row / along_b)
    shift = first.index_select(1, owner) + torch.stack(
        [plane, row - plane * along_b, item - row * along_c]
    )
    i, j = i.index_select(0, owner), j.index_select(0, owner)
    squared = (
        _cartesian(offset.index_select(1, owner) + shift, batch.cell, system.index_select(0, i))
        .square()
        .sum(0)
    )
    itself = (i == j) & (squared == 0)
    kept = ((squared <= radius.square().index_select(0, i)) & ~itself).nonzero().squeeze(-1)
    return i.index_select(0, kept), j.index_select(0, kept), shift.index_select(1, kept), overflow


def _offset(frac: Tensor, i: Tensor, j: Tensor) -> Tensor:
    """(3, P) fractional vectors from atoms i (P,) to atoms j (P,) of (N, 3)."""
    axes = frac.T.contiguous()
    return axes.index_select(1, j) - axes.index_select(1, i)


def _cartesian(fractional: Tensor, cell: Tensor, system: Tensor) -> Tensor:
    """(3, P) fractional vectors in the cells (B, 3, 3) that ``system`` (P,) names → (3, P) Å."""
    a, b, c = cell.flatten(1).T.contiguous().index_select(1, system).view(3, 3, -1).unbind(0)
    x, y, z = fractional.unbind(0)
    return x * a + y * b + z * c


def _ragged(count: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of ``count[k]`` items laid end to end → (row, index within the row) of every item."""
    row = torch.repeat_interleave(count)
    start = count.cumsum(0) - count
    return row, torch.arange(len(row), device=count.device) - start.index_select(0, row)
