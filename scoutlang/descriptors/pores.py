"""The room that atoms leave, largest_pore and largest_channel, each a module of its own that is
made here.

The clearance of a point is its distance to the nearest nucleus. Vertices of the Voronoi
tessellation of the nuclei are where it has its maxima, and the edges are the widest ways from one
to another, so both values are exact. Where atoms have different radii that holds no more, and with
the covalent radii Zeo++ (pyzeo 0.2) is off by 0.5 Å and more (rutile, ReO3); so there is one radius
for all atoms. With one, both agree with it to 0.02 Å on 69 known crystals, on 66 to 0.001 Å.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from scoutlang.descriptors._network import Vector, minus
from scoutlang.descriptors._values import of_structures
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature, Parameter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pymatgen.core import Structure
    from scipy.spatial import Voronoi

    Floats = NDArray[np.float64]

_RADIUS = 1.35  # Å

_PAGE = """{name}: {summary}, in Å.

All atoms are spheres of one ``radius``, 1.35 Å unless given: that of oxygen as the International
Zeolite Association takes it, so that numbers for oxides are those of its atlas. Give the radius of
the atoms that line the pore where these are others (ionic radii: F 1.3, S 1.85, Cl 1.8, Br 1.95,
I 2.2 Å), or 0.1 Å to measure nearly from nucleus to nucleus. {what} 0 where no sphere fits.

By the Voronoi tessellation of the nuclei (SciPy, Qhull), as Zeo++ does it: exact for atoms of one
radius. Undefined for cells so thin or so empty that more than {most} images of atoms are needed.
Judged only. Tolerance 0.2 Å, scale 1 Å.
Source: T. F. Willems, C. H. Rycroft, M. Kazi, J. C. Meza, M. Haranczyk, Microporous Mesoporous
Mater. 149, 134 (2012), doi:10.1016/j.micromeso.2011.08.020.
"""

_MOST = 20_000
_GRID = 0.5  # Å, between points where clearances are looked at first
_SAME = 1e-4  # Å, of vertices


class _Room(NamedTuple):
    pore: float  # Å, from its middle to the nearest nucleus
    channel: float  # Å, the same at its narrowest place; 0 where there is none


def _found(structure: Structure) -> _Room | None:
    """What a crystal leaves, None where it needs too many images."""
    import numpy as np
    from scipy.spatial import KDTree, Voronoi

    reduced = structure.get_reduced_structure()
    cell, frac = reduced.lattice.matrix, reduced.frac_coords % 1
    # no point is farther from a lattice than half of the diagonal of its orthogonalised cell
    near = _around(cell, frac, float(np.linalg.norm(np.diagonal(np.linalg.qr(cell.T)[1]))) / 2)
    points = _grid(cell)
    if near is None or points is None:
        return None
    widest = KDTree(near).query(points)[0].max() + _GRID * 3**0.5 / 2  # clearance has slope 1
    # what is nearest to an edge that begins in the cell is no farther from the cell than this
    places = _around(cell, frac, 3 * widest)
    if places is None:
        return None
    tessellation = Voronoi(places)
    of_cell = tessellation.vertices @ np.linalg.inv(cell)
    inside = ((of_cell > -1e-6) & (of_cell < 1)).all(axis=1)
    ends, necks = _edges(tessellation, inside)
    tree = KDTree(places)
    node, image = _nodes(of_cell, cell)
    ways = [
        (float(width), node[u], node[v], minus(image[v], image[u]))
        for width, (u, v) in zip(tree.query(necks)[0], ends.tolist(), strict=True)
    ]
    return _Room(float(tree.query(tessellation.vertices[inside])[0].max()), _widest(ways))


def _around(cell: Floats, frac: Floats, reach: float) -> Floats | None:
    """(M, 3) Å, the atoms of a cell and all images within ``reach`` Å of it, some more beside."""
    import numpy as np

    margin = reach * np.linalg.norm(np.linalg.inv(cell), axis=0)
    first, last = np.floor(-margin), np.ceil(margin)
    if np.prod(last - first + 1) * len(frac) > 8 * _MOST:
        return None
    steps = [np.arange(low, high + 1) for low, high in zip(first, last, strict=True)]
    images = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 1, 3) + frac
    kept = images[((images >= -margin) & (images <= 1 + margin)).all(axis=-1)]
    if len(kept) > _MOST:
        return None
    places: Floats = kept @ cell
    return places


def _grid(cell: Floats) -> Floats | None:
    """(K, 3) Å, points of the cell no farther than `_GRID` along each of its edges."""
    import numpy as np

    counts = np.ceil(np.linalg.norm(cell, axis=1) / _GRID)
    if counts.prod() > 8 * _MOST:
        return None
    steps = [np.arange(n) / n for n in counts]
    points: Floats = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3) @ cell
    return points


def _edges(tessellation: Voronoi, inside: NDArray[np.bool_]) -> tuple[NDArray[np.int64], Floats]:
    """→ (E, 2) vertices of every edge that begins inside; (E, 3) Å, its point nearest to the atoms
    around it.
    """
    import numpy as np

    atom_of: dict[tuple[int, int], int] = {}
    for (atom, _), face in zip(
        tessellation.ridge_points.tolist(), tessellation.ridge_vertices, strict=True
    ):
        if -1 in face or not inside[face].any():
            continue
        for u, v in zip(face, face[1:] + face[:1], strict=True):
            for start, end in ((u, v), (v, u)):
                if inside[start]:
                    atom_of[start, end] = atom
    ends = np.array(list(atom_of), dtype=np.int64).reshape(-1, 2)
    atoms = tessellation.points[list(atom_of.values())]
    start, end = tessellation.vertices[ends[:, 0]], tessellation.vertices[ends[:, 1]]
    step = end - start
    square = np.maximum((step**2).sum(axis=1), 1e-12)
    along = np.clip(((atoms - start) * step).sum(axis=1) / square, 0, 1)
    return ends, start + along[:, None] * step


def _nodes(frac: Floats, cell: Floats) -> tuple[list[int], list[Vector]]:
    """Of every vertex its number among those that are not the same but for a lattice vector, and
    that vector.
    """
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    wrapped = frac % 1
    wrapped[wrapped >= 1] = 0
    near = _SAME / np.linalg.norm(cell, axis=1).max()
    i, j = KDTree(wrapped, boxsize=1).query_pairs(near, output_type="ndarray").T
    graph = coo_array((np.ones(len(i)), (i, j)), shape=(len(frac), len(frac)))
    _, node = connected_components(graph, directed=False)
    first = np.unique(node, return_index=True)[1]
    image = np.round(frac - frac[first][node]).astype(int)
    return node.tolist(), [(x, y, z) for x, y, z in image.tolist()]


def _widest(ways: Iterable[tuple[float, int, int, Vector]]) -> float:
    """The width at which ways, from the widest on, first lead from a node to its own image, 0
    where they never do.

    ways: their width, the nodes, the image of the second as seen from the first.
    """
    parent: dict[int, tuple[int, Vector]] = {}  # and the image of the node as seen from it

    def root(node: int) -> tuple[int, Vector]:
        at = (0, 0, 0)
        while node in parent:
            node, step = parent[node]
            at = (at[0] + step[0], at[1] + step[1], at[2] + step[2])
        return node, at

    for width, a, b, image in sorted(ways, reverse=True):
        (one, at_a), (other, at_b) = root(a), root(b)
        # from the root of a to b, and back to the root of b
        apart = minus((at_a[0] + image[0], at_a[1] + image[1], at_a[2] + image[2]), at_b)
        if one != other:
            parent[other] = one, apart
        elif any(apart):
            return width
    return 0.0


def _made(name: str, summary: str, what: str, example: str) -> ModuleType:
    signature = DescriptorSignature(
        name=name,
        summary=summary,
        dimension="length",
        tolerance=0.2,
        parameters=(Parameter("radius", "length", "1.35 Å", 0.1, 4.0),),
        differentiable=False,
        example=example,
        since="1.1",
    )
    pore = name == "largest_pore"

    @of_structures
    def exact(structure: Structure, measure: Measure) -> float | None:
        """Å, a diameter."""
        room = _found(structure)
        if room is None:
            return None
        return max(2 * ((room.pore if pore else room.channel) - _radius(measure)), 0.0)

    def formula(measure: Measure) -> str:
        way = "" if pore else " that gets from a cell to the next"
        return f"diameter of the largest sphere{way} between atoms of {_radius(measure):g} Å"

    page = _PAGE.format(name=name, summary=summary, what=what, most=_MOST)
    module = ModuleType(f"{__package__}.{name}", page)
    vars(module).update(SIGNATURE=signature, exact=exact, formula=formula)
    return module


def _radius(measure: Measure) -> float:
    """Å."""
    return measure.parameter("radius") or _RADIUS


MODULES = (
    _made(
        "largest_pore",
        "diameter of the largest sphere that fits between the atoms",
        "The cage of sodalite has 6.15 Å, ReO3 2.58 Å, quartz 1.84 Å. It may be shut in; "
        "`largest_channel` is of spheres that get through.",
        "expect largest_pore > 4 Å",
    ),
    _made(
        "largest_channel",
        "diameter of the largest sphere that gets through the crystal",
        "It moves from a cell to the next without touching an atom, in one direction at least: "
        "2.41 Å in sodalite, 1.13 Å in quartz.",
        "expect largest_channel > 2.5 Å",
    ),
)
