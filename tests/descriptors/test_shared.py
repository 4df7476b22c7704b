"""Shared ligands: how the polyhedra of known crystals are joined, in four settings, and a count by
pymatgen's neighbour lists.
"""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from prototypes import measure, prototypes, settings
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import shared
from scoutlang.ir import Measure
from scoutlang.testing import check_descriptor

CRYSTALS = prototypes()

# Pairs of centres with 1, 2, 3, ... shared ligands, per centre: Wells, Structural Inorganic
# Chemistry (1984).
JOINED = [
    # edge-sharing chains, joined by corners
    ("rutile", measure("shared", "Ti", "O", "Ti"), {1: 4, 2: 1}),
    ("perovskite", measure("shared", "Ti", "O", "Ti"), {1: 3}),
    ("rhenium_trioxide", measure("shared", "Re", "O", "Re"), {1: 3}),
    ("rock_salt", measure("shared", "Na", "Cl", "Na"), {1: 3, 2: 6}),
    # cubes: corners, edges, faces
    ("cesium_chloride", measure("shared", "Cs", "Cl", "Cs"), {1: 4, 2: 6, 4: 3}),
    ("zinc_blende", measure("shared", "Zn", "S", "Zn"), {1: 6}),
    ("fluorite", measure("shared", "Ca", "F", "Ca"), {2: 6}),
    # F in Ca tetrahedra: antifluorite the other way round
    ("fluorite", measure("shared", "F", "Ca", "F"), {1: 8, 2: 3}),
    # columns of faces, layers of edges
    ("nickel_arsenide", measure("shared", "Ni", "As", "Ni"), {1: 6, 2: 3, 3: 1}),
    ("cadmium_iodide", measure("shared", "Cd", "I", "Cd"), {2: 3}),
    ("spinel", measure("shared", "Al", "O", "Al"), {2: 3}),
    ("spinel", measure("shared", "Mg", "O", "Al"), {1: 12}),
    ("spinel", measure("shared", "Mg", "O", "Mg"), {}),
    ("corundum", measure("shared", "Al", "O", "Al"), {1: 4.5, 2: 1.5, 3: 0.5}),
    ("quartz", measure("shared", "Si", "O", "Si"), {1: 2}),
]


def counts(structure: Structure, use: Measure) -> dict[int, int]:
    found = shared.exact(CrystalBatch.from_structures([structure]), use)
    assert set(found.weight.tolist()) <= {0.0, 1.0}
    return Counter(found.value[found.weight == 1].tolist())


@pytest.mark.parametrize(
    ("name", "use", "joined"), JOINED, ids=lambda v: v if isinstance(v, str) else ""
)
def test_known_crystals_in_any_cell(name: str, use: Measure, joined: dict[int, float]) -> None:
    for structure in settings(CRYSTALS[name]):
        centres = sum(site.specie.symbol in use.species[0].elements for site in structure)
        assert counts(structure, use) == {
            n: per_centre * centres for n, per_centre in joined.items()
        }


@pytest.mark.parametrize(
    "name", ["rutile", "spinel", "cotunnite", "orthorhombic_perovskite", "calcium_hexaboride"]
)
def test_agrees_with_a_count_by_neighbour_lists(name: str) -> None:
    structure = CRYSTALS[name]
    a, b = structure[0].specie.symbol, structure[-1].specie.symbol
    radius = 3.1
    ligands = [
        {
            (n.index, tuple(int(x) for x in n.image))
            for n in structure.get_neighbors(site, radius)
            if n.specie.symbol == b
        }
        for site in structure
    ]
    expected: Counter[int] = Counter()
    for i, centre in enumerate(structure):
        for n in structure.get_neighbors(centre, 2 * radius):
            if centre.specie.symbol == n.specie.symbol == a:
                theirs = {
                    (k, tuple(x + int(y) for x, y in zip(image, n.image, strict=True)))
                    for k, image in ligands[n.index]
                }
                expected[len(ligands[i] & theirs)] += 1
    del expected[0]
    assert counts(structure, measure("shared", a, b, a, r=radius)) == {
        n: both_ways // 2 for n, both_ways in expected.items()
    }


def test_soft_value_by_hand() -> None:
    """Perovskite: one O at 1.8975 Å from both Ti; each pair counts σ², and little more from the O
    further away.
    """
    batch = CrystalBatch.from_structures([CRYSTALS["perovskite"]])
    found = shared.soft(batch, measure("shared", "Ti", "O", "Ti", r=2.3))
    whole = found.weight > 0.5
    step = torch.sigmoid(torch.tensor(8 * (2.3 - 3.795 / 2), dtype=torch.float64))
    assert whole.sum() == 3
    torch.testing.assert_close(found.value[whole], step.square().expand(3), rtol=1e-3, atol=0)
    torch.testing.assert_close(found.weight, found.value.clamp(max=1))


def test_a_pair_fades_without_a_jump_as_its_last_ligand_leaves() -> None:
    def sum_and_weight(away: float) -> tuple[float, float]:
        structure = Structure(
            Lattice.cubic(20), ["Ti", "O", "Ti"], [[0, 0, 0], [0.1, away, 0], [0.2, 0, 0]]
        )
        found = shared.soft(
            CrystalBatch.from_structures([structure]), measure("shared", "Ti", "O", "Ti")
        )
        return float((found.weight * found.value).sum()), float(found.weight.sum())

    path = [sum_and_weight(0.002 * k) for k in range(120)]
    assert path[0][1] > 0.9
    assert path[-1] == (0, 0)
    steps = torch.tensor(path).diff(dim=0)
    assert steps.max() <= 0
    assert steps.min() > -0.15  # 0.04 Å a step, twice the slope of a sigmoid of 8/Å at most


def test_nothing_shared_is_no_item_and_no_crystal_is_harmed_by_a_crowded_one() -> None:
    alone = Structure(
        Lattice.cubic(12), ["Ti", "O", "Ti"], [[0, 0, 0], [0.15, 0, 0], [0.5, 0.5, 0.5]]
    )
    crowded = Structure(
        Lattice.cubic(1.2), ["Ti", "O"] * 12, [[0.04 * k, 0.01 * k, 0] for k in range(24)]
    )
    use = measure("shared", "Ti", "O", "Ti", r=6.0)
    batch = CrystalBatch.from_structures([crowded, CRYSTALS["perovskite"], alone])
    found = shared.soft(batch, use)
    assert found.defined.tolist() == [False, True, True]
    assert set(found.system.tolist()) == {1}


@pytest.mark.parametrize(
    "use",
    [
        measure("shared", "Cu", "P", "Cu"),
        measure("shared", "Cu", "P", "Si"),
        measure("shared", "Cu,Si", "P", "Cu", r=2.9),
    ],
)
def test_conforms(use: Measure) -> None:
    check_descriptor(shared, use)
