"""Descriptors that are judged only, against other programs and textbook answers on known crystals."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import moyopy
import numpy as np
import pytest
import torch
from prototypes import measure
from pymatgen.analysis.dimensionality import get_dimensionality_larsen
from pymatgen.analysis.graphs import StructureGraph
from pymatgen.core import Composition, Element, Lattice, Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import modules
from scoutlang.ir.elements import ATOMIC_NUMBER, neighbour_radius
from scoutlang.ir.space_groups import LAST_NUMBER, LAUE_CLASSES, POINT_GROUPS
from scoutlang.testing import check_descriptor

Settings = Mapping[str, list[Structure]]


def exact(name: str, structures: list[Structure], **parameters: float) -> list[float | None]:
    found = modules()[name].exact(
        CrystalBatch.from_structures(structures), measure(name, **parameters)
    )
    return [
        value if defined else None
        for value, defined in zip(found.value.tolist(), found.defined.tolist(), strict=True)
    ]


OF_THE_GROUP = [
    "spacegroup",
    "crystal_system",
    "point_group",
    "centrosymmetric",
    "polar",
    "chiral",
    "distinct_sites",
]


@pytest.mark.parametrize("name", [*OF_THE_GROUP, "dimensionality", "charge_balanced"])
def test_conformance(name: str) -> None:
    check_descriptor(modules()[name], measure(name))


@pytest.mark.parametrize("name", ["novel", "unique", "e_above_hull"])
def test_what_a_structure_alone_does_not_have(name: str) -> None:
    assert not hasattr(modules()[name], "exact")
    assert not hasattr(modules()[name], "soft")


class TestSpacegroup:
    def test_known_crystals_in_every_setting(self, known_crystals: Settings) -> None:
        """moyopy is a second program; the table of prototypes says from which group each crystal
        was built.
        """
        for name, settings in known_crystals.items():
            cells = [
                moyopy.Cell(
                    s.lattice.matrix.tolist(), s.frac_coords.tolist(), list(s.atomic_numbers)
                )
                for s in settings
            ]
            expected = [moyopy.MoyoDataset(cell, symprec=0.01).number for cell in cells]
            assert exact("spacegroup", settings, symprec=0.01) == expected, name

    def test_the_tolerance(self) -> None:
        """Caesium chloride with chlorine 0.03 Å off the centre along an edge is tetragonal, P4mm,
        unless that is within the tolerance.
        """
        off = Structure(
            Lattice.cubic(4.12), ["Cs", "Cl"], [(0, 0, 0), (0.5, 0.5, 0.5 + 0.03 / 4.12)]
        )
        assert exact("spacegroup", [off]) == [221]
        assert exact("spacegroup", [off], symprec=0.01) == [99]

    def test_atoms_that_the_tolerance_cannot_tell_apart(self) -> None:
        close = Structure(Lattice.cubic(4), ["Na", "Na"], [(0, 0, 0), (0.04, 0, 0)])
        needle = Structure(
            Lattice.orthorhombic(0.15, 3, 50), ["Na", "Cl"], [(0, 0, 0), (0.1, 0.2, 0.3)]
        )
        assert exact("spacegroup", [close, needle]) == [None, None]
        assert exact("spacegroup", [close], symprec=0.01) == [123]

    def test_noise_never_raises(self) -> None:
        rng = np.random.default_rng(0)
        noise = [
            Structure(rng.normal(size=(3, 3)) * 5, ["Cu", "P", "Si", "P"], rng.random((4, 3)))
            for _ in range(50)
        ]
        assert all(number is None or 1 <= number <= 230 for number in exact("spacegroup", noise))


class TestCrystalSystem:
    def test_another_program_says_the_same(self, known_crystals: Settings) -> None:
        """Moyopy finds the space group and names its system."""
        categories = modules()["crystal_system"].SIGNATURE.categories
        for name, settings in known_crystals.items():
            cells = [
                moyopy.Cell(
                    s.lattice.matrix.tolist(), s.frac_coords.tolist(), list(s.atomic_numbers)
                )
                for s in settings
            ]
            groups = [
                moyopy.SpaceGroupType(moyopy.MoyoDataset(cell, symprec=0.01).number)
                for cell in cells
            ]
            ours = exact("crystal_system", settings, symprec=0.01)
            assert [categories[int(v)] for v in ours if v is not None] == [
                g.crystal_system.lower() for g in groups
            ], name

    @pytest.mark.parametrize(
        ("name", "system"),
        [
            ("rock_salt", "cubic"),
            ("wurtzite", "hexagonal"),
            ("quartz", "trigonal"),
            ("corundum", "trigonal"),  # rhombohedral lattice
            ("rutile", "tetragonal"),
            ("cotunnite", "orthorhombic"),
            ("baddeleyite", "monoclinic"),
        ],
    )
    def test_known_crystals_in_every_setting(
        self, known_crystals: Settings, name: str, system: str
    ) -> None:
        categories = modules()["crystal_system"].SIGNATURE.categories
        assert {
            categories[int(v)]
            for v in exact("crystal_system", known_crystals[name])
            if v is not None
        } == {system}

    def test_triclinic(self) -> None:
        lattice = Lattice.from_parameters(4, 5, 6, 75, 83, 97)
        assert exact(
            "crystal_system", [Structure(lattice, ["Na", "Cl"], [(0, 0, 0), (0.4, 0.45, 0.3)])]
        ) == [0]

    def test_limits_are_those_of_the_tables(self) -> None:
        """Against moyopy's table of the 230 groups."""
        systems = [moyopy.SpaceGroupType(number).crystal_system.lower() for number in range(1, 231)]
        assert {s: 230 - systems[::-1].index(s) for s in dict.fromkeys(systems)} == LAST_NUMBER


class TestWhatFollowsFromTheGroup:
    @pytest.mark.parametrize(
        ("name", "point_group", "centrosymmetric", "polar", "chiral", "distinct"),
        [
            ("rock_salt", "m-3m", True, False, False, 2),
            ("zinc_blende", "-43m", False, False, False, 2),
            ("wurtzite", "6mm", False, True, False, 2),
            ("quartz", "32", False, False, True, 2),
            ("rutile", "4/mmm", True, False, False, 2),
            ("perovskite", "m-3m", True, False, False, 3),
            ("corundum", "-3m", True, False, False, 2),
            ("baddeleyite", "2/m", True, False, False, 3),
        ],
    )
    def test_known_crystals_in_every_setting(
        self,
        known_crystals: Settings,
        name: str,
        point_group: str,
        centrosymmetric: bool,
        polar: bool,
        chiral: bool,
        distinct: int,
    ) -> None:
        settings = known_crystals[name]
        assert {POINT_GROUPS[int(v or 0)] for v in exact("point_group", settings)} == {point_group}
        assert set(exact("centrosymmetric", settings)) == {centrosymmetric}
        assert set(exact("polar", settings)) == {polar}
        assert set(exact("chiral", settings)) == {chiral}
        assert set(exact("distinct_sites", settings)) == {distinct}

    def test_classes_are_those_of_their_operations(self) -> None:
        """A centre is the operation −1; a chiral group has determinants 1 only; a polar one leaves
        a direction as it is.
        """
        from scoutlang.crystals.space_groups import space_group
        from scoutlang.descriptors import chiral, polar
        from scoutlang.ir.space_groups import point_group

        for number in [1, 2, 5, 9, 15, 24, 46, 74, 80, 82, 88, 98, 110, 122, 142, 146, 148, 155,
                       161, 167, 173, 174, 176, 182, 186, 190, 194, 199, 206, 214, 220, 230]:  # fmt: skip
            turns, name = space_group(number).rotations, point_group(number)
            assert (name in LAUE_CLASSES) == (turns == -np.eye(3)).all((1, 2)).any()
            assert (name in chiral._ROTATIONS) == (np.linalg.det(turns) > 0).all()
            assert (name in polar._POLAR) == (np.linalg.matrix_rank(turns.mean(0)) > 0)


class TestDimensionality:
    @pytest.mark.parametrize(
        ("name", "dimensions"),
        [
            ("graphite", 2),
            ("molybdenite", 2),
            ("boron_nitride", 2),
            ("cadmium_iodide", 2),
            ("black_phosphorus", 2),
            ("selenium", 1),
            ("cinnabar", 1),
            ("rock_salt", 3),
            ("diamond", 3),
            ("copper", 3),
            ("quartz", 3),
        ],
    )
    def test_known_crystals_in_every_setting(
        self, known_crystals: Settings, name: str, dimensions: int
    ) -> None:
        assert exact("dimensionality", known_crystals[name]) == [dimensions] * 4

    def test_molecules(self) -> None:
        """Carbon dioxide, Pa-3 (De Smedt and Keesom 1924): a = 5.62 Å, O at x = 0.11."""
        dry_ice = Structure.from_spacegroup(
            "Pa-3", Lattice.cubic(5.62), ["C", "O"], [(0, 0, 0), (0.11, 0.11, 0.11)]
        )
        primitive = dry_ice * (2, 1, 1)
        assert exact("dimensionality", [dry_ice, primitive]) == [0, 0]

    def test_the_largest_component_counts_and_r_can_be_given(
        self, known_crystals: Settings
    ) -> None:
        graphite = known_crystals["graphite"][0].copy()
        graphite.append("Ar", (0.5, 0.5, 0.5))
        assert exact("dimensionality", [graphite]) == [2]
        assert exact("dimensionality", [graphite], r=3.6) == [3]
        assert exact("dimensionality", [graphite], r=1.2) == [0]

    def test_another_program_counts_the_same(self, known_crystals: Settings) -> None:
        """Pymatgen's search of the structure graph, on the same bonds."""
        for name, settings in known_crystals.items():
            structure = settings[1]
            symbols = [site.specie.symbol for site in structure]
            edges = {
                (int(i), int(j), (0, 0, 0), tuple(int(n) for n in image)): None
                for i, j, image, distance in zip(*structure.get_neighbor_list(6.0), strict=True)
                if distance <= neighbour_radius(symbols[i], symbols[j]) + 1e-6
            }
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of edges that are there in the other direction
                expected = get_dimensionality_larsen(StructureGraph.from_edges(structure, edges))
            assert exact("dimensionality", settings) == [expected] * 4, name

    def test_an_element_without_a_radius_is_undefined(self) -> None:
        fermium = Structure(Lattice.cubic(4), ["Fm"], [(0, 0, 0)])
        assert exact("dimensionality", [fermium]) == [None]
        assert exact("dimensionality", [fermium], r=4.5) == [3]


class TestChargeBalanced:
    @pytest.mark.parametrize(
        ("formula", "balanced"),
        [
            ("NaCl", True),
            ("Na2Cl", False),
            ("Fe3O4", True),  # 2 + 3 + 3: atoms of one element may differ
            ("LiCoO2", True),
            ("CaCu4P2", True),
            ("NaO", False),
            ("CuZn", False),
            ("MgZn2", False),
            ("Cu", True),
            ("NaCl3", False),
        ],
    )
    def test_known_compounds(self, formula: str, balanced: bool) -> None:
        atoms = [e.symbol for e, n in Composition(formula).items() for _ in range(int(n))]
        rng = np.random.default_rng(0)
        structure = Structure(Lattice.cubic(8), atoms, rng.random((len(atoms), 3)))
        assert exact("charge_balanced", [structure, structure * (2, 1, 1)]) == [balanced, balanced]

    def test_pymatgen_agrees(self, known_crystals: Settings) -> None:
        for name, settings in known_crystals.items():
            composition = settings[1].composition.reduced_composition
            assert (
                exact("charge_balanced", settings) == [bool(composition.oxi_state_guesses())] * 4
            ), name

    def test_a_large_mixed_cell_costs_nothing(self) -> None:
        """Pymatgen's enumeration of these 97 atoms would try C(61 + 7, 7) states of manganese
        alone.
        """
        atoms = ["Mn"] * 61 + ["O"] * 36
        rng = np.random.default_rng(0)
        assert len(Element("Mn").icsd_oxidation_states) >= 4
        assert exact(
            "charge_balanced", [Structure(Lattice.cubic(12), atoms, rng.random((97, 3)))]
        ) == [False]

    def test_an_element_without_states_is_undefined(self) -> None:
        assert exact(
            "charge_balanced",
            [Structure(Lattice.cubic(4), ["Ar", "O"], [(0, 0, 0), (0.5, 0.5, 0.5)])],
        ) == [None]


@pytest.mark.parametrize(
    "name", [*OF_THE_GROUP, "dimensionality", "charge_balanced", "energy_per_atom"]
)
def test_an_undecided_atom_and_a_broken_cell_are_undefined(
    name: str, known_crystals: Settings
) -> None:
    salt = known_crystals["rock_salt"][1]
    batch = CrystalBatch.from_structures([salt] * 4)
    batch.species[2, [ATOMIC_NUMBER["Na"], ATOMIC_NUMBER["Cl"]]] = 0.5
    batch.cell[2] = torch.nan
    batch.cell[3, 2] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = modules()[name].exact(batch, measure(name))
    assert found.defined.tolist() == [True, False, False, False]
    assert found.value.isnan().tolist() == [False, True, True, True]
