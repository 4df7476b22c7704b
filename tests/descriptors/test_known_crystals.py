"""Exact values on known crystals, in every setting, agree with pymatgen and ASE by the same
definition.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from ase import units
from ase.data import covalent_radii
from ase.geometry import get_distances
from prototypes import measure, read
from pymatgen.core import Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.crystals.neighbours import SiteValues
from scoutlang.descriptors import modules
from scoutlang.ir.elements import neighbour_radius

Known = Mapping[str, list[Structure]]
# centre, neighbour, distance, vector
Neighbours = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Lists = Mapping[int, Neighbours]  # by the id of the structure
REACH = 7.0  # Å: every atom of the known crystals has all elements of its crystal within it


@pytest.fixture(scope="module")
def structures(known_crystals: Known) -> list[Structure]:
    return [s for group in known_crystals.values() for s in group]


@pytest.fixture(scope="module")
def everything(structures: list[Structure]) -> CrystalBatch:
    return CrystalBatch.from_structures(structures)


@pytest.fixture(scope="module")
def lists(structures: list[Structure]) -> Lists:
    return {id(s): neighbours(s) for s in structures}


def elements(structure: Structure) -> list[str]:
    return sorted({site.specie.symbol for site in structure})


def pairs(structure: Structure) -> list[tuple[str, str]]:
    """Each element with itself and with the next one."""
    kinds = elements(structure)
    return sorted(
        {(a, b) for a, after in zip(kinds, kinds[1:] + kinds[:1], strict=True) for b in (a, after)}
    )


def symbols(structure: Structure) -> np.ndarray:
    return np.array([site.specie.symbol for site in structure])


def neighbours(structure: Structure, reach: float = REACH) -> Neighbours:
    """pymatgen's list."""
    i, j, image, distance = structure.get_neighbor_list(reach, exclude_self=True)
    return (
        i,
        j,
        distance,
        (structure.frac_coords[j] + image - structure.frac_coords[i]) @ structure.lattice.matrix,
    )


def sites(name: str, batch: CrystalBatch, *species: str) -> SiteValues:
    found = modules()[name].exact(batch, measure(name, *species))
    assert isinstance(found, SiteValues)
    assert found.defined.all()
    return found


def same(ours: torch.Tensor, theirs: object, tolerance: float = 1e-9) -> None:
    np.testing.assert_allclose(ours.numpy(), np.asarray(theirs), rtol=tolerance, atol=1e-9)


def test_there_are_many_in_four_settings(known_crystals: Known) -> None:
    assert len(known_crystals) >= 40
    assert all(len(group) == 4 for group in known_crystals.values())


def test_every_known_crystal_keeps_all_elements_within_reach(
    structures: list[Structure], lists: Lists
) -> None:
    for structure in structures:
        kinds = symbols(structure)
        i, j, _, _ = lists[id(structure)]
        for element in elements(structure):
            assert set(i[kinds[j] == element]) == set(range(len(structure)))


def test_volume(everything: CrystalBatch, structures: list[Structure]) -> None:
    same(
        read(everything, measure("volume_per_atom")).value, [s.volume / len(s) for s in structures]
    )


def test_density(everything: CrystalBatch, structures: list[Structure]) -> None:
    ours = read(everything, measure("density")).value
    gram_per_cm3 = [
        a.get_masses().sum() * units._amu * 1e3 / (a.get_volume() * 1e-24)
        for a in (s.to_ase_atoms() for s in structures)
    ]
    same(ours, gram_per_cm3, 1e-6)  # ASE's units are those of CODATA 2014
    # a weight of polonium is a choice of isotope
    stable = [k for k, s in enumerate(structures) if "Po" not in s.symbol_set]
    # pymatgen's atomic weights are of another year
    same(ours[stable], [float(structures[k].density) for k in stable], 1e-3)


def test_packing_fraction(everything: CrystalBatch, structures: list[Structure]) -> None:
    spheres = [
        (4 / 3 * np.pi * covalent_radii[list(s.atomic_numbers)] ** 3).sum() / s.volume
        for s in structures
    ]
    same(read(everything, measure("packing_fraction")).value, spheres)


@pytest.mark.parametrize("element", ["O", "Cu", "Si"])
def test_composition(everything: CrystalBatch, structures: list[Structure], element: str) -> None:
    same(
        read(everything, measure("count", element)).value,
        [s.composition[element] for s in structures],
    )
    same(
        read(everything, measure("atomic_fraction", element)).value,
        [s.composition.get_atomic_fraction(element) for s in structures],
    )


def test_reduced_cell(everything: CrystalBatch, structures: list[Structure]) -> None:
    reduced = np.array([s.lattice.get_niggli_reduced_lattice().parameters for s in structures])
    for name, theirs in zip(("a", "b", "c", "alpha", "beta", "gamma"), reduced.T, strict=True):
        same(read(everything, measure(name)).value, theirs, 1e-8)


def test_coordination(known_crystals: Known, lists: Lists) -> None:
    for group in known_crystals.values():
        batch = CrystalBatch.from_structures(group)
        for a, b in pairs(group[0]):
            ours = sites("CN", batch, a, b)
            expected = []
            for structure in group:
                i, j, distance, _ = lists[id(structure)]
                kinds = symbols(structure)
                counted = (kinds[j] == b) & (distance <= neighbour_radius(a, b))
                expected.append(np.bincount(i[counted], minlength=len(structure))[kinds == a])
            same(ours.value[ours.weight == 1], np.concatenate(expected))


def test_distance_and_shortest_distance(known_crystals: Known, lists: Lists) -> None:
    for group in known_crystals.values():
        batch = CrystalBatch.from_structures(group)
        for a, b in pairs(group[0]):
            ours, shortest = (
                sites("distance", batch, a, b),
                read(batch, measure("min_distance", a, b)).value,
            )
            nearest = []
            for structure in group:
                i, j, distance, _ = lists[id(structure)]
                kinds = symbols(structure)
                to_b = np.full(len(structure), np.inf)
                np.minimum.at(to_b, i[kinds[j] == b], distance[kinds[j] == b])
                nearest.append(to_b[kinds == a])
            same(ours.value[ours.weight == 1], np.concatenate(nearest))
            same(shortest, [n.min() for n in nearest])


def test_distance_agrees_with_the_minimum_images_of_ase(known_crystals: Known) -> None:
    """Between unlike elements, where an atom's own images play no part."""
    for group in known_crystals.values():
        a, b = (elements(group[0]) * 2)[:2]
        if a == b:
            continue
        ours = sites("distance", CrystalBatch.from_structures(group[:1]), a, b)
        atoms = group[0].to_ase_atoms()
        kinds = symbols(group[0])
        _, theirs = get_distances(
            atoms.positions[kinds == a], atoms.positions[kinds == b], cell=atoms.cell, pbc=True
        )
        same(ours.value[ours.weight == 1], theirs.min(axis=1))


def test_angles(known_crystals: Known, lists: Lists) -> None:
    """Angles at each element between neighbours of another kind, and between one of its own and one
    of another kind.
    """
    for group in known_crystals.values():
        batch = CrystalBatch.from_structures(group)
        for centre, a in pairs(group[0]):
            for c in {a, centre}:
                ours = sites("angle", batch, a, centre, c)
                for k, structure in enumerate(group):
                    mine = ours.value[(ours.system == k) & (ours.weight == 1)].sort().values
                    theirs = np.sort(
                        angles(symbols(structure), *lists[id(structure)], a, centre, c)
                    )
                    # an arc cosine at 180° keeps half of the digits
                    np.testing.assert_allclose(mine, theirs, atol=2e-5)


def angles(
    kinds: np.ndarray,
    i: np.ndarray,
    j: np.ndarray,
    distance: np.ndarray,
    vector: np.ndarray,
    a: str,
    centre: str,
    c: str,
) -> np.ndarray:
    """By the arc cosine, from a neighbour list."""
    near_a, near_c = (
        (kinds[i] == centre) & (kinds[j] == e) & (distance <= neighbour_radius(centre, e))
        for e in (a, c)
    )
    unit = vector / distance[:, None]
    found = []
    for site in np.flatnonzero(kinds == centre):
        u, v = unit[near_a & (i == site)], unit[near_c & (i == site)]
        cosines = u @ v.T
        found.append(cosines[np.triu_indices(len(u), 1)] if a == c else cosines.ravel())
    return np.degrees(np.arccos(np.clip(np.concatenate(found), -1, 1)))
