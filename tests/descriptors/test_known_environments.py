"""Bond order, shared ligands, shapes and powder patterns of known crystals, in every setting, agree
with other programs by the same definition.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations_with_replacement, permutations
from typing import NamedTuple

import numpy as np
import pytest
from ase.neighborlist import neighbor_list
from prototypes import measure
from pymatgen.analysis.chemenv.coordination_environments.coordination_geometry_finder import (
    AbstractGeometry,
    LocalGeometryFinder,
    symmetry_measure,
)
from pymatgen.analysis.diffraction.xrd import XRDCalculator
from pymatgen.analysis.local_env import LocalStructOrderParams
from pymatgen.core import Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer
from scipy.special import sph_harm_y
from test_known_crystals import Known, Lists, Neighbours, elements, neighbours, pairs, symbols

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import bond_order, shape, shared, xrd
from scoutlang.descriptors.shape import POLYHEDRA
from scoutlang.ir import Measure, TextFile
from scoutlang.ir.elements import neighbour_radius


@pytest.fixture(scope="module")
def lists(known_crystals: Known) -> Lists:
    return {id(s): neighbours(s) for group in known_crystals.values() for s in group}


# ---- q ----


def around(
    structure: Structure, found: Neighbours, a: str, b: str
) -> tuple[np.ndarray, np.ndarray]:
    """→ the a (atoms) and the vectors to their neighbours b by the covalent radii."""
    i, j, distance, vector = found
    kinds = symbols(structure)
    near = (kinds[i] == a) & (kinds[j] == b) & (distance <= neighbour_radius(a, b))
    return i[near], vector[near]


def polar(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y, z = vector.T
    return np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)


def of_pymatgen(site: np.ndarray, vector: np.ndarray) -> Mapping[int, np.ndarray]:
    """q2, q4, q6 of the sites that have neighbours."""
    orders = LocalStructOrderParams(["q2", "q4", "q6"])
    values = []
    for one in np.unique(site):
        orders.compute_trigonometric_terms(*polar(vector[site == one]))
        values.append((orders.get_q2(), orders.get_q4(), orders.get_q6()))
    return dict(zip((2, 4, 6), np.array(values).T, strict=True))


def of_scipy(site: np.ndarray, vector: np.ndarray, degree: int) -> np.ndarray:
    """q_l by its definition, with the spherical harmonics of scipy."""
    _, place, count = np.unique(site, return_inverse=True, return_counts=True)
    mean = np.zeros((len(count), 2 * degree + 1), complex)
    np.add.at(
        mean,
        place,
        np.stack(
            [sph_harm_y(degree, m, *polar(vector)) for m in range(-degree, degree + 1)], axis=-1
        ),
    )
    return np.sqrt(4 * np.pi / (2 * degree + 1) * (np.abs(mean / count[:, None]) ** 2).sum(-1))


def test_bond_order(known_crystals: Known, lists: Lists) -> None:
    compared = set()
    for name, group in known_crystals.items():
        batch = CrystalBatch.from_structures(group)
        starts = (batch.num_atoms.cumsum(0) - batch.num_atoms).tolist()
        for a, b in pairs(group[0]):
            bonds = [around(s, lists[id(s)], a, b) for s in group]
            if not len(bonds[0][0]):
                continue
            compared.add(name)
            sites = np.concatenate(
                [np.unique(site) + start for start, (site, _) in zip(starts, bonds, strict=True)]
            )
            theirs = [of_pymatgen(*bond) for bond in bonds]
            for degree in (2, 3, 4, 5, 6, 8):
                ours = bond_order.exact(batch, measure("q", a, b, l=degree))
                assert ours.weight.nonzero().squeeze(-1).tolist() == sites.tolist(), (name, a, b)
                expected = np.concatenate([of_scipy(*bond, degree) for bond in bonds])
                np.testing.assert_allclose(
                    ours.value[sites], expected, atol=1e-7, err_msg=f"{name} {a}-{b} {degree}"
                )
                if degree in theirs[0]:
                    expected = np.concatenate([t[degree] for t in theirs])
                    np.testing.assert_allclose(
                        ours.value[sites], expected, atol=1e-7, err_msg=f"{name} {a}-{b} {degree}"
                    )
    assert len(compared) >= 40


# ---- shared ----


def chains(structure: Structure) -> set[tuple[str, str, str]]:
    """Two centres and the ligand between them, of another element where there is one."""
    kinds = elements(structure)
    found = {
        (a, b, c)
        for a, c in combinations_with_replacement(kinds, 2)
        for b in kinds
        if b not in {a, c}
    }
    return found or {(kinds[0],) * 3}


def joined(
    structure: Structure, found: tuple[np.ndarray, ...], a: str, b: str, c: str
) -> Counter[int]:
    """How many pairs of a and c share 1, 2, ... b: common ones of the ligands that ASE lists at
    either.
    """
    i, j, image, distance = found
    kinds = symbols(structure)
    ligands = {}
    for site in np.flatnonzero(np.isin(kinds, (a, c))):
        near = (i == site) & (kinds[j] == b) & (distance <= neighbour_radius(kinds[site], b))
        ligands[site] = j[near], image[near]
    both_ways: Counter[int] = Counter()
    for x, (near_x, cell_x) in ligands.items():
        for y in np.flatnonzero(kinds == (c if kinds[x] == a else a)):
            near_y, cell_y = ligands[y]
            # Each ligand of x is one of y, if y stands in the cell that brings them together.
            of_x, of_y = (near_x[:, None] == near_y).nonzero()
            cells = Counter(map(tuple, (cell_x[of_x] - cell_y[of_y]).tolist()))
            both_ways.update(common for cell, common in cells.items() if x != y or any(cell))
    return Counter({common: number // 2 for common, number in both_ways.items()})


def test_shared_ligands(known_crystals: Known) -> None:
    compared = set()
    for name, group in known_crystals.items():
        batch = CrystalBatch.from_structures(group)
        reach = max(neighbour_radius(*pair) for pair in pairs(group[0]))
        listed = [neighbor_list("ijSd", s.to_ase_atoms(), reach + 0.01) for s in group]
        for chain in chains(group[0]):
            ours = shared.exact(batch, measure("shared", *chain))
            assert ours.defined.all()
            for k, (structure, found) in enumerate(zip(group, listed, strict=True)):
                mine = Counter(ours.value[(ours.system == k) & (ours.weight == 1)].tolist())
                assert mine == joined(structure, found, *chain), (name, chain, k)
                compared |= {name} if mine else set()
    assert len(compared) >= 40


# ---- shape ----


class Polyhedra(NamedTuple):
    crystal: str
    like: str
    values: np.ndarray  # of the centres of the conventional cell
    centres: Mapping[int, np.ndarray]  # one of each orbit and the vectors to its neighbours
    order: list[int]  # the orbit of each value


def of_chemenv(points: np.ndarray, vertices: np.ndarray) -> float:
    """Chemenv's measure in the best of all orders, which has the largest sum of singular values;
    the centre is one of the points.

    All corners of a cube and of a square antiprism are alike, so the first stays where it is.
    """
    number = len(points)
    first = [(0,)] if number == 8 else [()]
    orders = np.array([(*f, *rest) for f in first for rest in permutations(range(len(f), number))])
    best = orders[np.linalg.svd(points.T @ vertices[orders], compute_uv=False).sum(-1).argmax()]
    given = np.vstack([np.zeros(3), points])
    return float(
        symmetry_measure(np.vstack([np.zeros(3), vertices[best]]), given - given.mean(0))[
            "symmetry_measure"
        ]
    )


def found_by_chemenv(finder: LocalGeometryFinder, points: np.ndarray) -> Mapping[str, float]:
    """By chemenv's own search, for all of its shapes with as many corners."""
    finder.local_geometry = AbstractGeometry(
        np.zeros(3), points, "centroid", include_central_site_in_centroid=True
    )
    found = finder.get_coordination_symmetry_measures(all_csms=False)
    return {symbol: float(f["csm"]) for symbol, f in found.items()}


def nearest(
    found: Neighbours, kinds: np.ndarray, site: int, b: str, reach: float, number: int
) -> np.ndarray | None:
    """The vectors to the nearest b, if there are as many and the next one is further away."""
    i, j, distance, vector = found
    near = np.flatnonzero((i == site) & (kinds[j] == b) & (distance <= reach))
    near = near[np.argsort(distance[near])]
    tied = len(near) > number and distance[near[number]] <= distance[near[number - 1]] + 0.01
    return None if len(near) < number or tied else vector[near[:number]]


def same_number(
    one: np.ndarray, other: np.ndarray, size: int, other_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Values of the atoms of two settings, sorted, each as often as in a cell that is a multiple of
    both.
    """
    many = np.lcm(size, other_size)
    return np.sort(np.repeat(one, many // size)), np.sort(np.repeat(other, many // other_size))


def polyhedra(known_crystals: Known, lists: Lists, numbers: set[int]) -> Iterator[Polyhedra]:
    """Of every pair of elements with such a coordination number in a crystal: the values of its
    settings, and those to compare with.
    """
    for name, group in known_crystals.items():
        conventional = group[0]
        batch = CrystalBatch.from_structures(group)
        kinds, found = symbols(conventional), lists[id(conventional)]
        orbit = np.asarray(SpacegroupAnalyzer(conventional).get_symmetry_dataset().equivalent_atoms)
        for a, b in pairs(conventional):
            present = numbers & set(Counter(around(conventional, found, a, b)[0].tolist()).values())
            for number in sorted(present):
                reach = 1.5 * neighbour_radius(a, b)
                points = {
                    site: nearest(found, kinds, site, b, reach, number)
                    for site in np.unique(orbit[kinds == a])
                }
                centres = {site: p for site, p in points.items() if p is not None}
                order = [o for o in orbit[kinds == a] if o in centres]
                for like in (p for p, vertices in POLYHEDRA.items() if len(vertices) == number):
                    ours = shape.exact(
                        batch, replace(measure("shape", a, b), parameters=(("like", like),))
                    )
                    values = [
                        ours.value[(ours.system == k) & (ours.weight == 1)].numpy()
                        for k in range(len(group))
                    ]
                    for other, structure in zip(values[1:], group[1:], strict=True):
                        one, the_other = same_number(
                            values[0], other, len(conventional), len(structure)
                        )
                        np.testing.assert_allclose(
                            one, the_other, atol=1e-4, err_msg=f"{name} {a}-{b} {like}"
                        )
                    if centres:
                        yield Polyhedra(name, like, values[0], centres, order)


def test_shapes(known_crystals: Known, lists: Lists) -> None:
    compared = set()
    for one in polyhedra(known_crystals, lists, {2, 3, 4, 5, 6, 8}):
        theirs = {
            site: of_chemenv(points, np.array(POLYHEDRA[one.like]))
            for site, points in one.centres.items()
        }
        np.testing.assert_allclose(
            one.values,
            [theirs[o] for o in one.order],
            atol=1e-6,
            err_msg=f"{one.crystal} {one.like}",
        )
        compared.add((one.crystal, one.like))
    assert {like for _, like in compared} == {
        p for p, vertices in POLYHEDRA.items() if len(vertices) < 12
    }
    assert len({crystal for crystal, _ in compared}) >= 40


@pytest.mark.slow
def test_shapes_of_twelve(known_crystals: Known, lists: Lists) -> None:
    """Chemenv's search may miss the best order where a site is far from the shape, so its value is
    an upper bound, and reached near the shape.
    """
    finder = LocalGeometryFinder(only_symbols=["C:12", "AC:12", "I:12"])
    symbol = {"cuboctahedron": "C:12", "anticuboctahedron": "AC:12", "icosahedron": "I:12"}
    searched: dict[bytes, Mapping[str, float]] = {}
    near: Counter[str] = Counter()
    for one in polyhedra(known_crystals, lists, {12}):
        theirs = {}
        for site, points in one.centres.items():
            if points.tobytes() not in searched:
                searched[points.tobytes()] = found_by_chemenv(finder, points)
            theirs[site] = searched[points.tobytes()][symbol[one.like]]
        for value, other in zip(one.values, [theirs[o] for o in one.order], strict=True):
            assert value < other + 1e-6
            if other < 10:
                assert value == pytest.approx(other, abs=1e-6)
                near[one.like] += 1
    assert set(near) == set(symbol)


# ---- xrd ----

WAVELENGTH, WIDTH = 1.54184, 0.2
ANGLES = np.arange(10, 70, 0.05)


def lines(structure: Structure) -> tuple[np.ndarray, np.ndarray]:
    found = XRDCalculator(wavelength=WAVELENGTH).get_pattern(structure, two_theta_range=(8, 72))
    return np.asarray(found.x), np.asarray(found.y)


def smeared(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Gaussian peaks at the angles, the highest 1."""
    sigma = WIDTH / np.sqrt(8 * np.log(2))
    pattern = (y[:, None] * np.exp(-0.5 * ((ANGLES - x[:, None]) / sigma) ** 2)).sum(0)
    return np.asarray(pattern / pattern.max())


def without_line(y: np.ndarray) -> np.ndarray:
    return np.asarray(y - np.polyval(np.polyfit(ANGLES, y, 1), ANGLES))


def test_lines_of_powder_patterns(known_crystals: Known) -> None:
    """Positions and intensities of pymatgen, which leaves out lines below a thousandth of a percent
    of the strongest.
    """
    for name, (conventional, *_) in known_crystals.items():
        x, y = lines(conventional)
        batch = CrystalBatch.from_structures([conventional])
        hkl = xrd.reflections(batch.cell[0], 8, 72, WAVELENGTH)
        assert hkl is not None
        position, intensity = xrd.peaks(
            hkl, batch.frac, batch.cell[0], batch.species, xrd._Factors(batch.species), WAVELENGTH
        )
        seen = intensity > 1e-5 * intensity.max()
        assert np.abs(position[seen].numpy()[:, None] - x).min(1).max() < 1e-3, name
        ours, theirs = (
            np.array([h[np.abs(p - a) < 1e-3].sum() for a in x])
            for p, h in ((position.numpy(), intensity.numpy()), (x, y))
        )
        np.testing.assert_allclose(
            ours / ours.max(), theirs / theirs.max(), atol=2e-5, err_msg=name
        )


def test_agreement_of_powder_patterns(known_crystals: Known) -> None:
    """Against a mixture of each crystal with the next one of the table, on a sloped background: the
    correlation by hand from pymatgen's lines.
    """
    names = list(known_crystals)
    patterns = {name: smeared(*lines(group[0])) for name, group in known_crystals.items()}
    for name, following in zip(names, names[1:] + names[:1], strict=True):
        mixture = patterns[name] + patterns[following] + 2 - 0.02 * ANGLES
        text = "\n".join(f"{a:.2f} {i:.9f}" for a, i in zip(ANGLES, mixture, strict=True))
        use = Measure(
            "xrd",
            (),
            (
                ("pattern", TextFile("mixture.xy", text)),
                ("wavelength", WAVELENGTH),
                ("fwhm", WIDTH),
            ),
        )
        ours = xrd.exact(CrystalBatch.from_structures(known_crystals[name]), use)
        expected = np.corrcoef(without_line(patterns[name]), without_line(mixture))[0, 1]
        assert 0.3 < expected < 0.99
        assert ours.value.tolist() == pytest.approx([expected] * 4, abs=1e-4), name
        assert float(ours.value.max() - ours.value.min()) < 1e-5, name
