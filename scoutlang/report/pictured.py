"""Crystals as the viewer of the page draws them: cell, sites, the bonds that the hypothesis speaks
of and the coordination polyhedra of its centres; and as CIF to take away.
"""

from __future__ import annotations

import base64
import colorsys
import gzip
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
from ase.data.colors import jmol_colors
from pymatgen.core import Element, Structure
from pymatgen.io.cif import CifWriter
from scipy.spatial import ConvexHull

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.crystals.neighbours import bonds
from scoutlang.ir import Program, Species, measures
from scoutlang.ir.elements import ATOMIC_NUMBER, COVALENT_RADIUS, neighbour_radius
from scoutlang.support.colours import OKABE_ITO, channels

Pair = tuple[str, str, float]
"""Centre, neighbour, and the distance in Å up to which there is a bond."""

Shell = tuple[str, frozenset[str]]
"""Element in the middle of coordination polyhedra, and the elements at their corners."""

Bond = tuple[int, ...]
"""Centre, neighbour, and the image of the neighbour: 5 whole numbers."""

Face = list[int]
"""Numbers of its corners, in their order around it."""

MAX_BONDS = 600
"""Of one structure in the picture; a cell of 20 atoms with 12 neighbours each has 240."""

Colour = tuple[float, ...]
"""Red, green, blue, from 0 to 1."""

_TOLD_APART = 0.22
_SPARE = [tuple(part / 255 for part in channels(colour)) for colour in OKABE_ITO]

MAX_SITES = 500
FLAT = 0.1
"""Å. Points that are no further than this from a plane lie in it: they are one face."""

_UNITS = 10_000  # fractional coordinates are whole numbers of 1/10000: 0.002 Å in a cell of 20 Å
_BATCH = 128


def bonded_pairs(program: Program) -> list[Pair]:
    """The pairs that the terms speak of, with the radius of the exact evaluators; all pairs of the
    system where no term names one.

    A chain of three (``P-Cu-P``, ``Cu-P-Cu``) has two pairs. Pairs between any atoms (``*-*``)
    would hide the others, and elements without a radius have no bonds.
    """
    found: dict[tuple[str, str], float] = {}
    for measure in (m for term in program.terms for m in measures(term.claim)):
        for a, b in zip(measure.species, measure.species[1:], strict=False):
            if a.text == b.text == "*":
                continue
            for one, other in ((x, y) for x in a.elements for y in b.elements):
                _add(found, one, other, measure.parameter("r"))
    if not found:
        for one in program.system:
            for other in program.system:
                _add(found, one, other, None)
    return [(one, other, radius) for (one, other), radius in found.items()]


def _all_pairs(structures: Iterable[Structure]) -> list[Pair]:
    """The pairs of all elements of some crystals."""
    found: dict[tuple[str, str], float] = {}
    symbols = sorted({site.specie.symbol for one in structures for site in one})
    for one in symbols:
        for other in symbols:
            _add(found, one, other, None)
    return [(one, other, radius) for (one, other), radius in found.items()]


def _add(found: dict[tuple[str, str], float], one: str, other: str, given: float | None) -> None:
    if given is None and not {one, other} <= COVALENT_RADIUS.keys():
        return
    radius = given or neighbour_radius(one, other)
    found[one, other] = max(radius, found.get((one, other), 0.0))


def shells(program: Program) -> list[Shell]:
    """What the terms put around what: ``CN(Cu-P)`` phosphorus around copper, ``CN(Cu-*)`` all
    elements together. Pairs between any atoms have no centre.

    A chain of three is spoken of from its middle (``angle(P-Cu-P)``) or from its ends
    (``shared(Cu-P-Cu)``). There the less electronegative species is the centre, as polyhedra are
    drawn around cations.
    """
    found: dict[Shell, None] = {}
    for measure in (m for term in program.terms for m in measures(term.claim)):
        for a, b in zip(measure.species, measure.species[1:], strict=False):
            if a.text == b.text == "*":
                continue
            both = [a, b] if len(measure.species) == 2 else sorted((a, b), key=_anionic)
            for centre in both[0].elements:
                found[centre, frozenset(both[1].elements)] = None
    return list(found)


def _anionic(species: Species) -> tuple[bool, float]:
    """What sorts cations before anions, and both before any atoms."""
    return species.text == "*", fmean(Element(one).X for one in species.elements)


def picturable(structure: Structure) -> bool:
    """Whether it is a crystal that can be drawn and written: atoms, whole ones, in finite numbers,
    and not more than `MAX_SITES`.
    """
    return (
        0 < len(structure) <= MAX_SITES
        and structure.is_ordered
        and bool(
            np.isfinite(structure.frac_coords).all() and np.isfinite(structure.lattice.matrix).all()
        )
        and structure.volume > 0
    )


def elements_shown(structures: Sequence[Structure]) -> list[dict[str, Any]]:
    """symbol, colour and radius (Å, covalent) of every element, by atomic number.

    The colours are those of Jmol; an element whose colour is hard to tell from that of one before
    it (Cu from P) gets another one.
    """
    symbols = sorted(
        {str(symbol) for s in structures for symbol in s.composition.chemical_system_set},
        key=ATOMIC_NUMBER.__getitem__,
    )
    colours: list[Colour] = []
    for symbol in symbols:
        usual: Colour = tuple(float(part) for part in jmol_colors[ATOMIC_NUMBER[symbol]])
        apart = _apart(usual, colours) >= _TOLD_APART or len(colours) >= len(_SPARE)
        colours.append(usual if apart else max(_SPARE, key=lambda one: _apart(one, colours)))
    return [
        {
            "symbol": symbol,
            "colour": "#" + "".join(f"{round(255 * part):02x}" for part in colour),
            "radius": COVALENT_RADIUS.get(symbol, 1.5),
        }
        for symbol, colour in zip(symbols, colours, strict=True)
    ]


def _apart(colour: Colour, others: Sequence[Colour]) -> float:
    """The distance to the nearest of them, in YIQ: brightness counts for most, as for the eye."""
    return min(
        (math.dist(colorsys.rgb_to_yiq(*colour), colorsys.rgb_to_yiq(*other)) for other in others),
        default=math.inf,
    )


def scene(
    structures: Mapping[str, Structure],
    program: Program | None,
    beside: Mapping[str, Structure] | None = None,
) -> dict[str, Any]:
    """All that the viewer needs to show crystals, which are `picturable`, by their ids: elements,
    pairs with a bond, structures, and their CIF files with all digits, `packed`. program: None
    where there is none, and all pairs of elements have bonds. beside: what each is compared
    with, as `pictures` takes it.
    """
    if program is None:
        pairs, around = _all_pairs(structures.values()), []
    else:
        pairs, around = bonded_pairs(program), shells(program)
    others = [beside[id_] for id_ in structures] if beside else ()
    pictured = pictures(list(structures.values()), pairs, around, others)
    return {
        "elements": elements_shown(list(structures.values())),
        "pairs": [[one, other, round(radius, 3)] for one, other, radius in pairs],
        "structures": dict(zip(structures, pictured, strict=True)),
        "cifs": packed({id_: str(CifWriter(one)) for id_, one in structures.items()}),
    }


def packed(texts: Mapping[str, str]) -> str:
    """Texts as JSON, compressed by gzip, in base64: CIF files have a quarter of their size so."""
    data = json.dumps(texts, ensure_ascii=False).encode()
    return base64.b64encode(gzip.compress(data, mtime=0)).decode()


def pictures(
    structures: Sequence[Structure],
    pairs: Sequence[Pair],
    around: Sequence[Shell] = (),
    beside: Sequence[Structure] = (),
) -> Iterator[dict[str, Any]]:
    """One for each structure, all of them `picturable`.

    - cell: rows of the lattice, Å, one after the other
    - elements: symbol of each site
    - frac: 3 whole numbers a site, 1/10000 of the cell, from 0 to 9999
    - bonds: 5 numbers each, centre, neighbour, and the image of the neighbour; at most `MAX_BONDS`
    - polyhedra: the faces of each, as numbers of the bonds that end at the corners

    beside: the same crystals before they were relaxed. Each site is then drawn next to where it was
    in the picture of that one, a little outside of the cell rather than at its other end.
    """
    for first in range(0, len(structures), _BATCH):
        some, before = (every[first : first + _BATCH] for every in (structures, beside))
        cells = [
            _cells(other) + np.rint(structure.frac_coords - other.frac_coords)
            for structure, other in zip(some, before or some, strict=True)
        ]
        for structure, cell, found in zip(some, cells, _bonds(some, cells, pairs), strict=True):
            elements = [site.specie.symbol for site in structure]
            frac = np.rint((structure.frac_coords - cell) * _UNITS).astype(int)
            ends = [frac[bond[1]] / _UNITS + bond[2:] for bond in found]
            points = np.reshape(ends, (-1, 3)) @ structure.lattice.matrix
            yield {
                "cell": [round(float(x), 4) for x in structure.lattice.matrix.ravel()],
                "elements": elements,
                "frac": frac.ravel().tolist(),
                "bonds": [int(x) for bond in found[:MAX_BONDS] for x in bond],
                "polyhedra": list(_polyhedra(elements, found, points, around)),
            }


def _cells(structure: Structure) -> Any:
    """(sites, 3): the cell that each site is in, where 0.99999 is at the origin of the next one."""
    return np.floor(np.rint(structure.frac_coords * _UNITS) / _UNITS)


def _polyhedra(
    elements: Sequence[str], bonds: Sequence[Bond], points: Any, around: Sequence[Shell]
) -> Iterator[list[Face]]:
    """The coordination polyhedra of one structure whose bonds are all drawn. points: (bonds, 3),
    where each bond ends, Å.
    """
    of_site: dict[int, list[int]] = {}
    for number, bond in enumerate(bonds):
        of_site.setdefault(bond[0], []).append(number)
    for centre, corners in around:
        for site, numbers in sorted(of_site.items()):
            ends = [k for k in numbers if elements[bonds[k][1]] in corners]
            if elements[site] == centre and ends and max(ends) < MAX_BONDS:
                found = [[ends[k] for k in face] for face in hull_faces(points[ends])]
                if found:
                    yield found


def hull_faces(points: Any) -> list[Face]:
    """The faces of the convex hull of points (n, 3) in Å. Points in a plane have one face; less
    than three, or points in a line, none.
    """
    if len(points) < 3:
        return []
    _, thickness, least = np.ptp(_along_own_axes(points), axis=0)
    if thickness <= FLAT:
        return []
    if least <= FLAT:
        return [_outline(points, list(range(len(points))))]
    hull = ConvexHull(points)  # of triangles; those in one plane are put together here
    distances = points[hull.vertices] @ hull.equations[:, :3].T + hull.equations[:, 3]
    planes = dict.fromkeys(frozenset(hull.vertices[near]) for near in abs(distances.T) <= FLAT)
    largest = [plane for plane in planes if not any(plane < other for other in planes)]
    return [_outline(points, sorted(map(int, plane))) for plane in largest]


def _outline(points: Any, some: Face) -> Face:
    """Those of some points in a plane that are corners of their hull, in their order around it."""
    if len(some) == 3:
        return some
    return [some[k] for k in ConvexHull(_along_own_axes(points[some])[:, :2]).vertices]


def _along_own_axes(points: Any) -> Any:
    """Points (n, 3) along their principal axes, that of the largest spread first."""
    centred = points - points.mean(axis=0)
    return centred @ np.linalg.svd(centred, full_matrices=False)[2].T


def _bonds(
    structures: Sequence[Structure], cells: Sequence[Any], pairs: Sequence[Pair]
) -> list[list[Bond]]:
    """Those of every structure, its sites moved into the cell at the origin from `cells`."""
    batch = CrystalBatch.from_structures(structures)
    outside, system = np.concatenate(cells), batch.system.numpy()
    start = np.concatenate([[0], np.cumsum([len(s) for s in structures])])
    found: list[dict[Bond, None]] = [{} for _ in structures]
    for one, other, radius in pairs:
        near = bonds(batch, [one], [other], radius)
        i, j = near.i.numpy(), near.j.numpy()
        image = near.shift.numpy() + outside[j] - outside[i]
        for keep, a, b, shift in zip(near.weight.numpy() > 0, i, j, image, strict=True):
            if keep:
                owner = int(system[a])
                found[owner][
                    int(a - start[owner]), int(b - start[owner]), *(int(x) for x in shift)
                ] = None
    return [list(some) for some in found]
