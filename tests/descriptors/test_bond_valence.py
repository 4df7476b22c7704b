"""bond_valence(A) and oxidation_state(A): known crystals in every setting, the sums by hand, and
elements without parameters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from prototypes import measure, read, settings
from pymatgen.core import Element, Lattice, Structure
from pymatgen.core.bond_valence import BV_PARAMS, ELECTRONEG

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import bond_valence, oxidation_state
from scoutlang.descriptors._valence import WITHOUT_PARAMETERS
from scoutlang.interfaces import api
from scoutlang.ir.elements import SYMBOLS
from scoutlang.testing import check_descriptor

Known = Mapping[str, list[Structure]]


@pytest.mark.parametrize(
    ("crystal", "element", "valence", "state"),
    [
        ("rutile", "Ti", 4.07, 4),
        ("rutile", "O", 2.04, -2),
        ("fluorite", "Ca", 2.07, 2),
        ("zinc_blende", "Zn", 1.99, 2),
        ("rock_salt", "Na", 1.16, 1),
        ("tenorite", "Cu", 1.53, 2),
        ("quartz", "Si", 5.11, 4),
        ("lithium_niobate", "Nb", 5.04, 5),
        ("chalcopyrite", "Fe", 3.19, 3),
        ("chalcopyrite", "Cu", 1.31, 1),
        ("cesium_chloride", "Cs", 1.10, 1),
    ],
)
def test_known_crystals(
    known_crystals: Known, crystal: str, element: str, valence: float, state: int
) -> None:
    batch = CrystalBatch.from_structures(known_crystals[crystal])
    for kind in ("soft", "exact"):
        found = read(batch, measure("bond_valence", element), kind).value  # type: ignore[arg-type]
        assert found.tolist() == pytest.approx([valence] * 4, abs=0.02)
    assert read(batch, measure("oxidation_state", element)).value.tolist() == [state] * 4


def test_a_sum_by_hand(known_crystals: Known) -> None:
    """Ca in fluorite: eight F at a √3/4, and no Ca."""
    ca, f = (BV_PARAMS[Element(e)] for e in ("Ca", "F"))
    across = (ca["c"] ** 0.5 - f["c"] ** 0.5) ** 2
    length = ca["r"] + f["r"] - ca["r"] * f["r"] * across / (ca["c"] * ca["r"] + f["c"] * f["r"])
    expected = 8 * math.exp((length - 5.4631 * 3**0.5 / 4) / 0.37)
    batch = CrystalBatch.from_structures(known_crystals["fluorite"][:1])
    assert read(batch, measure("bond_valence", "Ca")).value.item() == pytest.approx(expected)
    assert read(batch, measure("bond_valence", "Ca", r=2.0)).value.item() == 0


def test_what_comes_near_through_a_ligand(known_crystals: Known) -> None:
    """C around Ca in calcite is within the radius, and counts unless the radius is smaller."""
    batch = CrystalBatch.from_structures(known_crystals["calcite"])
    found = [read(batch, measure("bond_valence", "Ca", **r)).value[0] for r in ({}, {"r": 2.8})]
    assert [v.item() for v in found] == pytest.approx([2.55, 2.14], abs=0.01)


def test_states_that_the_elements_share_out() -> None:
    """Ilmenite is Fe(II) Ti(IV), where Fe(III) Ti(III) would be neutral too."""
    ilmenite = Structure.from_spacegroup(
        148,
        Lattice.hexagonal(5.0881, 14.0855),
        ["Fe", "Ti", "O"],
        [[0, 0, 0.35537], [0, 0, 0.14640], [0.31743, 0.02332, 0.24506]],
    )
    batch = CrystalBatch.from_structures(settings(ilmenite))
    for element, state in (("Fe", 2), ("Ti", 4), ("O", -2)):
        assert read(batch, measure("oxidation_state", element)).value.tolist() == [state] * 4


def test_an_element_by_itself_has_none(known_crystals: Known) -> None:
    for crystal, element in (("copper", "Cu"), ("diamond", "C")):
        batch = CrystalBatch.from_structures(known_crystals[crystal])
        for name in ("bond_valence", "oxidation_state"):
            assert read(batch, measure(name, element)).value.tolist() == [0] * 4


def test_elements_without_parameters_have_no_value_and_say_so(known_crystals: Known) -> None:
    assert {e for e in SYMBOLS if Element(e) not in BV_PARAMS} == set(WITHOUT_PARAMETERS)
    sulphide = known_crystals["platinum_sulphide"][0]
    for name in ("bond_valence", "oxidation_state"):
        verb = "require" if name == "bond_valence" else "expect"
        [found] = api.measure(f"system Pt-S; {verb} {name}(S) = 2", [sulphide])
        why = f"{name}(S) has no value: Pt has no bond valence parameters"
        assert found.terms[0].reason == why
        assert not api.check(f"system Pt-S; {verb} {name}(Pt) = 2").ok


def test_an_alloy_has_no_oxidation_states(known_crystals: Known) -> None:
    [found] = api.measure(
        "system Mg-Cu; expect oxidation_state(Mg) = 2", known_crystals["cubic_laves"][:1]
    )
    assert found.terms[0].reason.endswith(
        "no states of its elements add up to zero and fit its bond valence sums"
    )


def test_bonds_are_those_of_the_source() -> None:
    assert {e.symbol for e in ELECTRONEG} == bond_valence._ANIONIC


@pytest.mark.parametrize("seed", [1, 2])
def test_conformance(seed: int) -> None:
    check_descriptor(bond_valence, measure("bond_valence", "Cu,P", r=3.2), seed=seed)
    check_descriptor(oxidation_state, measure("oxidation_state", "Na,Cl"), seed=seed)
