"""Unit spellings, against values written down by hand."""

from __future__ import annotations

import math

import pytest

from scoutlang.ir.signatures import CANONICAL_UNIT
from scoutlang.ir.units import DIMENSIONS, UNITS, find_unit, units_of


@pytest.mark.parametrize(
    ("text", "dimension", "factor"),
    [
        ("Å", "length", 1),
        ("\N{ANGSTROM SIGN}", "length", 1),
        ("A\N{COMBINING RING ABOVE}", "length", 1),
        ("A", "length", 1),
        ("angstrom", "length", 1),
        ("nm", "length", 10),
        ("pm", "length", 0.01),
        ("°", "angle", 1),
        ("º", "angle", 1),
        ("rad", "angle", 180 / math.pi),
        ("Å^3", "volume_per_atom", 1),
        ("Å³/atom", "volume_per_atom", 1),
        ("nm^3", "volume_per_atom", 1000),
        ("g/cm³", "density", 1),
        ("kg/m^3", "density", 0.001),
        ("eV/atom", "energy_per_atom", 1),
        ("meV/atom", "energy_per_atom", 0.001),
        ("eV", "energy", 1),
    ],
)
def test_known_units(text: str, dimension: str, factor: float) -> None:
    unit = find_unit(text)
    assert unit is not None
    assert unit.dimension == DIMENSIONS[dimension]
    assert unit.factor == pytest.approx(factor)


@pytest.mark.parametrize("text", ["", "a", "NM", "Å^4", "eV/atoms", "cm"])
def test_unknown_units(text: str) -> None:
    assert find_unit(text) is None


def test_every_dimension_has_its_canonical_unit_and_a_name() -> None:
    for dimension, unit in CANONICAL_UNIT.items():
        assert DIMENSIONS[dimension].spoken
        if unit:
            found = find_unit(unit)
            assert found is not None
            assert (found.dimension, found.factor) == (DIMENSIONS[dimension], 1.0)
            assert unit in units_of(DIMENSIONS[dimension])


def test_every_dimension_of_a_unit_has_a_name() -> None:
    assert all(unit.dimension.spoken for unit in UNITS.values())
