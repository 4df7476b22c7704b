"""The 230 space groups in primitive cells: their operations and Wyckoff positions.

The operations are moyopy's (standard settings of International Tables for Crystallography A:
unique axis b, hexagonal axes, origin choice 2), in the basis of a primitive cell. Wyckoff positions
are found from them: special points, lines and planes go through points of a grid of 1/24, and
points of it off all others of smaller freedom are on each, so the site-symmetry groups of the grid
are those of the group. There are 1 731 positions, as the tables list.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_GRID = 24
_EPSILON = 1e-9


@dataclass(frozen=True)
class Position:
    """A Wyckoff position of a group of n operations. Its first site is any point
    ``point`` + ``freedom`` · u, u in R^d.
    """

    size: int
    """m: sites in the primitive cell."""
    point: Floats
    """(3,) fractional coordinates."""
    freedom: Floats
    """(3, d) orthonormal directions along which the first site may move; d = 0 to 3."""
    stabiliser: Integers
    """(n / m,) the operations that leave the first site where it is, up to lattice vectors."""
    copies: Integers
    """(m,) operations that take the first site to every other, the identity first."""
    annihilator: Integers
    """(3 − d, 3) whole numbers. A point x belongs to the first site or a lattice translation of it
    where ``annihilator`` · (x − ``point``) are whole numbers.
    """

    @property
    def free(self) -> int:
        """d, free coordinates."""
        return int(self.freedom.shape[1])


@dataclass(frozen=True)
class SpaceGroup:
    """A space group without its lattice translations: x ↦ W x + w."""

    number: int
    rotations: Integers
    """(n, 3, 3) W; the identity first."""
    translations: Floats
    """(n, 3) w."""
    positions: tuple[Position, ...]
    """From the most special to the general one."""

    def position_of(self, x: Floats, tolerance: float = 1e-4) -> int:
        """Place in ``positions`` of a site: the most special one that it is on."""
        images = x @ self.rotations.transpose(0, 2, 1) + self.translations
        for place, position in enumerate(self.positions):
            off = (images - position.point) @ position.annihilator.T
            if (np.abs(off - np.round(off)) < tolerance).all(1).any():
                return place
        raise AssertionError("every site is at least on the general position")


@lru_cache(maxsize=230)
def space_group(number: int) -> SpaceGroup:
    """The group with this number, 1 to 230. 30 ms the first time."""
    import moyopy

    operations = moyopy.operations_from_number(number, primitive=True)
    rotations = np.array(operations.rotations, dtype=np.int64)
    shifts = np.round(np.array(operations.translations) * _GRID).astype(np.int64)
    identity = int(np.flatnonzero((rotations == np.eye(3)).all((1, 2)) & ~shifts.any(1))[0])
    order = [identity, *(k for k in range(len(rotations)) if k != identity)]
    rotations, shifts = rotations[order], shifts[order]
    return SpaceGroup(number, rotations, shifts / _GRID, _positions(rotations, shifts))


def _positions(rotations: Integers, shifts: Integers) -> tuple[Position, ...]:
    grid = np.array(list(itertools.product(range(_GRID), repeat=3)))
    images = np.einsum("kij,pj->pki", rotations, grid) + shifts
    fixed = ((images - grid[:, None]) % _GRID == 0).all(2)  # (points, operations)
    group = fixed @ (1 << np.arange(fixed.shape[1]))
    image = (images % _GRID) @ np.array([_GRID**2, _GRID, 1])  # its place in the grid
    found, left = [], np.ones(len(grid), dtype=bool)
    for p in np.argsort(-fixed.sum(1), kind="stable"):
        if not left[p]:
            continue
        stabiliser = np.flatnonzero(fixed[p])
        mean = rotations[stabiliser].mean(0)  # projects on the directions that all of them keep
        whole = _annihilator(mean)
        along = (((grid - grid[p]) @ whole.T) % _GRID == 0).all(1) & (group == group[p])
        left &= ~along[image].any(1)
        _, copies = np.unique(image[p], return_index=True)
        left_vectors, lengths, _ = np.linalg.svd(mean)
        found.append(
            Position(
                size=len(rotations) // len(stabiliser),
                point=grid[p] / _GRID,
                freedom=left_vectors[:, lengths > 0.5],
                stabiliser=stabiliser,
                copies=np.sort(copies),
                annihilator=whole,
            )
        )
    return tuple(found)


_SHORT_VECTORS = np.array(
    sorted(
        (v for v in itertools.product(range(-2, 3), repeat=3) if any(v)),
        key=lambda v: (sum(map(abs, v)), [-x for x in v]),
    )
)


def _annihilator(projector: Floats) -> Integers:
    """(3 − d, 3) a basis of the whole-number vectors c with c · v = 0 for all v on which a rational
    projector of rank d projects.
    """
    rank = 3 - round(np.trace(projector))
    inside = _SHORT_VECTORS[np.abs(_SHORT_VECTORS @ projector).max(1) < _EPSILON]
    for rows in itertools.combinations(range(len(inside)), rank):
        basis = inside[list(rows)]
        minors = [
            round(np.linalg.det(basis[:, list(columns)]))
            for columns in itertools.combinations(range(3), rank)
        ]
        if np.gcd.reduce(minors) == 1:  # no vector of the lattice is left out
            found: Integers = basis
            return found
    raise AssertionError(f"no basis for the rank {rank}")
