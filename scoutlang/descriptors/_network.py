"""The bonded network of a crystal, its atoms in the cell joined to images of one another. Not a
descriptor itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

Vector = tuple[int, int, int]
"""Of the lattice, in its own vectors: an image of the cell."""


def components(
    size: int, bonds: Iterable[tuple[int, int, Vector]]
) -> Iterator[tuple[dict[int, Vector], list[Vector]]]:
    """Of each component the images of its atoms that hang together, and the lattice vectors that
    lead from an atom to its images along bonds.
    """
    to = defaultdict(list)
    for i, j, image in bonds:
        to[i].append((j, image))
        to[j].append((i, minus((0, 0, 0), image)))
    placed: dict[int, Vector] = {}
    for start in range(size):
        if start in placed:
            continue
        own = {start: (0, 0, 0)}
        loops: dict[Vector, None] = {}
        queue = [start]
        for i in queue:  # it grows
            for j, image in to[i]:
                x, y, z = own[i]
                at = (x + image[0], y + image[1], z + image[2])
                if j not in own:
                    own[j] = at
                    queue.append(j)
                elif at != own[j]:
                    loops[minus(at, own[j])] = None
        placed |= own
        yield own, list(loops)


def minus(a: Vector, b: Vector) -> Vector:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]
