"""Continuous shape measures: published values, brute force over every permutation, and pymatgen's
chemenv on the same points.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from pymatgen.analysis.chemenv.coordination_environments.coordination_geometry_finder import (
    symmetry_measure,
)
from pymatgen.core import Lattice, Structure
from torch import Tensor

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import shape
from scoutlang.descriptors.shape import POLYHEDRA, shape_measure
from scoutlang.ir import Measure, Species
from scoutlang.testing import check_descriptor


def measure(centre: str, neighbour: str, like: str, r: float | None = None) -> Measure:
    species = tuple(Species(text=e, elements=tuple(e.split(","))) for e in (centre, neighbour))
    return Measure("shape", species, (("like", like),) if r is None else (("like", like), ("r", r)))


def points(name: str) -> Tensor:
    return torch.tensor([POLYHEDRA[name]], dtype=torch.float64)


def distorted(name: str, count: int, noise: float, seed: int = 0) -> Tensor:
    """(count, n, 3): the ideal shape of unit bonds, each copy turned, shuffled and displaced at
    random.
    """
    rng = torch.Generator().manual_seed(seed)
    ideal = points(name)[0]
    ideal = ideal / torch.linalg.vector_norm(ideal, dim=-1).mean()
    turn, _ = torch.linalg.qr(torch.randn(count, 3, 3, generator=rng, dtype=torch.float64))
    order = torch.stack([torch.randperm(len(ideal), generator=rng) for _ in range(count)])
    return ideal[order] @ turn + noise * torch.randn(
        count, len(ideal), 3, generator=rng, dtype=torch.float64
    )


# Minimal distances between ideal shapes: Alvarez et al., Coord. Chem. Rev. 249, 1693 (2005), and
# the manual of SHAPE 2.1.
@pytest.mark.parametrize(
    ("one", "other", "value"),
    [
        ("octahedron", "trigonal_prism", 16.737),
        ("square_plane", "tetrahedron", 33.333),
        ("trigonal_bipyramid", "square_pyramid", 5.384),
        ("cube", "square_antiprism", 10.989),
    ],
)
def test_published_values(one: str, other: str, value: float) -> None:
    assert float(shape_measure(points(one), POLYHEDRA[other])) == pytest.approx(value, abs=1e-3)
    assert float(shape_measure(points(other), POLYHEDRA[one])) == pytest.approx(value, abs=1e-3)


@pytest.mark.parametrize("name", POLYHEDRA)
def test_perfect_shapes_are_0_however_turned_mirrored_ordered_or_large(name: str) -> None:
    given = 3.7 * distorted(name, 8, noise=0.0)
    assert shape_measure(given, POLYHEDRA[name]).abs().max() < 1e-10
    vertices = np.array(POLYHEDRA[name])
    assert np.abs(vertices.sum(0)).max() < 1e-12
    assert np.ptp(np.linalg.norm(vertices, axis=1)) < 1e-12


@pytest.mark.parametrize("name", [n for n, p in POLYHEDRA.items() if len(p) <= 6])
def test_equals_chemenv_minimised_over_every_permutation(name: str) -> None:
    for given in distorted(name, 2, noise=0.3, seed=1):
        around = np.vstack([np.zeros(3), given.numpy()])
        around -= around.mean(0)
        ideal = np.vstack([np.zeros(3), POLYHEDRA[name]])
        every = (
            symmetry_measure(ideal[[0, *(k + 1 for k in order)]], around)["symmetry_measure"]
            for order in permutations(range(len(given)))
        )
        assert float(shape_measure(given[None], POLYHEDRA[name])) == pytest.approx(
            min(every), abs=1e-9
        )


@pytest.mark.parametrize(
    ("name", "order"),
    [("octahedron", 48), ("cube", 48), ("square_antiprism", 16), ("icosahedron", 120)],
)
def test_symmetries(name: str, order: int) -> None:
    group = shape._symmetries(POLYHEDRA[name])
    assert len(group) == order
    # the chosen assignments and their turned copies are all there are, each once
    if len(POLYHEDRA[name]) == 6:
        turned = {tuple(g[v] for v in a) for a in shape._assignments(group) for g in group}
        assert len(turned) == len(list(shape._assignments(group))) * order == 720


@pytest.mark.parametrize("name", ["octahedron", "trigonal_prism", "cube", "square_antiprism"])
def test_the_search_finds_what_trying_all_finds(name: str) -> None:
    ideal = points(name)[0]
    given = distorted(name, 40, noise=0.12)
    tried, found = (
        shape._best_of_all(given, ideal, POLYHEDRA[name]),
        shape._best_found(given, ideal, POLYHEDRA[name]),
    )
    torch.testing.assert_close(_fit(given, ideal[found]), _fit(given, ideal[tried]))


@pytest.mark.parametrize("name", ["cuboctahedron", "anticuboctahedron", "icosahedron"])
def test_more_starts_do_not_find_better(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ideal = points(name)[0]
    given = distorted(name, 40, noise=0.12)
    found = _fit(given, ideal[shape._best_found(given, ideal, POLYHEDRA[name])])
    monkeypatch.setattr(shape, "_STARTS", 132)
    torch.testing.assert_close(
        _fit(given, ideal[shape._best_found(given, ideal, POLYHEDRA[name])]), found
    )


def _fit(given: Tensor, vertices: Tensor) -> Tensor:
    return torch.linalg.svdvals(given.transpose(1, 2) @ vertices).sum(-1)


def test_sum_of_singular_values() -> None:
    matrix = torch.randn(500, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    matrix[:100, 2] = 0  # flat shapes
    torch.testing.assert_close(
        shape._singular_sum(matrix), torch.linalg.svdvals(matrix).sum(-1), rtol=1e-6, atol=1e-6
    )


def cubic(group: str, a: float, species: list[str], coords: list[list[float]]) -> Structure:
    return Structure.from_spacegroup(group, Lattice.cubic(a), species, coords)


HCP = Structure.from_spacegroup(
    "P6_3/mmc", Lattice.hexagonal(3.2, 3.2 * np.sqrt(8 / 3)), ["Mg"], [[1 / 3, 2 / 3, 1 / 4]]
)
NICKELINE = Structure.from_spacegroup(
    "P6_3/mmc",
    Lattice.hexagonal(3.6, 3.6 * np.sqrt(8 / 3)),
    ["Ni", "As"],
    [[0, 0, 0], [1 / 3, 2 / 3, 1 / 4]],
)
ROCK_SALT = cubic("Fm-3m", 5.64, ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
PEROVSKITE = cubic("Pm-3m", 3.905, ["Sr", "Ti", "O"], [[0.5, 0.5, 0.5], [0, 0, 0], [0.5, 0, 0]])

CRYSTALS = [
    (ROCK_SALT, "Na", "Cl", "octahedron", 0),
    (
        cubic("F-43m", 5.41, ["Zn", "S"], [[0, 0, 0], [0.25, 0.25, 0.25]]),
        "Zn",
        "S",
        "tetrahedron",
        0,
    ),
    (cubic("Pm-3m", 4.12, ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]), "Cs", "Cl", "cube", 0),
    (PEROVSKITE, "Sr", "O", "cuboctahedron", 0),
    (PEROVSKITE, "O", "Ti", "linear", 0),
    (cubic("Fm-3m", 3.61, ["Cu"], [[0, 0, 0]]), "Cu", "Cu", "cuboctahedron", 0),
    (HCP, "Mg", "Mg", "anticuboctahedron", 0),
    (NICKELINE, "Ni", "As", "octahedron", 0),
    (
        NICKELINE,
        "As",
        "Ni",
        "trigonal_prism",
        100 * (1 - (1 + 0.375**0.5) ** 2 / 2.625),
    ),  # by hand: half height √½ of the radius, ideally √¾
]


@pytest.mark.parametrize(("structure", "a", "b", "like", "value"), CRYSTALS)
def test_crystals_in_any_cell(
    structure: Structure, a: str, b: str, like: str, value: float
) -> None:
    skewed = structure.get_primitive_structure()
    skewed.make_supercell([[1, 0, 0], [3, 1, 0], [-2, 1, 1]])
    batch = CrystalBatch.from_structures([structure, skewed, structure * (2, 1, 1)])
    for found in (shape.exact(batch, measure(a, b, like)), shape.soft(batch, measure(a, b, like))):
        counted = found.value[found.weight > 0.5]
        assert len(counted) >= 3
        assert counted.tolist() == pytest.approx([value] * len(counted), abs=2e-3)


def test_equally_near_neighbours_and_too_few_leave_a_site_out() -> None:
    batch = CrystalBatch.from_structures([ROCK_SALT])
    # four of six equal bonds
    assert shape.exact(batch, measure("Na", "Cl", "square_plane")).weight.sum() == 0
    assert shape.exact(batch, measure("Na", "Cl", "octahedron")).weight.sum() == 4
    assert shape.exact(batch, measure("Na", "Cl", "octahedron", 2.5)).weight.sum() == 0
    # six at 2.82, eight more at 4.88
    assert shape.exact(batch, measure("Na", "Cl", "cube", 5.0)).weight.sum() == 0


def test_atoms_on_top_of_each_other_have_a_finite_gradient() -> None:
    structure = Structure(Lattice.cubic(8), ["Cu"] + ["P"] * 4, [[0, 0, 0]] * 5)
    batch = CrystalBatch.from_structures([structure])
    frac = batch.frac.requires_grad_()
    shape.soft(batch, measure("Cu", "P", "tetrahedron")).value.sum().backward()
    assert frac.grad is not None
    assert frac.grad.isfinite().all()


@pytest.mark.parametrize(
    "like", ["linear", "octahedron", pytest.param("square_antiprism", marks=pytest.mark.slow)]
)
def test_conforms(like: str) -> None:
    check_descriptor(shape, measure("Cu", "P", like, 5.0))
