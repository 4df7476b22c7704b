"""Unit spellings: what each measures and its size in the canonical unit of that dimension."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """``value in this unit * factor = value in the canonical unit`` of its dimension."""

    name: str
    dimension: str
    factor: float


# Spellings of one unit share an entry; the first is the preferred one.
_LENGTHS: tuple[tuple[tuple[str, ...], float], ...] = (
    (("Å", "A", "Ang", "ang", "angstrom", "Angstrom", "angstroms"), 1.0),
    (("nm",), 10.0),
    (("pm",), 0.01),
)
_OTHERS: tuple[tuple[tuple[str, ...], str, float], ...] = (
    (("°", "deg", "degree", "degrees"), "angle", 1.0),
    (("rad",), "angle", 180.0 / math.pi),
    (("g/cm^3", "g/cc"), "density", 1.0),
    (("kg/m^3",), "density", 0.001),
    (("eV/atom",), "energy_per_atom", 1.0),
    (("meV/atom",), "energy_per_atom", 0.001),
    # Known so that the message can say what they measure; no descriptor has these dimensions.
    (("eV",), "energy", 1.0),
    (("meV",), "energy", 0.001),
    (("GPa",), "pressure", 1.0),
    (("Å^2", "A^2", "nm^2"), "area", 1.0),
)

_SPOKEN: Mapping[str, str] = {
    "dimensionless": "a plain number",
    "length": "a length",
    "angle": "an angle",
    "volume_per_atom": "a volume",
    "density": "a density",
    "energy_per_atom": "an energy per atom",
    "energy": "an energy",
    "pressure": "a pressure",
    "area": "an area",
}


def _table() -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for spellings, factor in _LENGTHS:
        for spelling in spellings:
            units[spelling] = Unit(spellings[0], "length", factor)
            for volume in (f"{spelling}^3", f"{spelling}^3/atom"):
                units[volume] = Unit(f"{spellings[0]}^3", "volume_per_atom", factor**3)
    for spellings, dimension, factor in _OTHERS:
        units.update({spelling: Unit(spellings[0], dimension, factor) for spelling in spellings})
    return units


UNITS: Mapping[str, Unit] = _table()


def find_unit(text: str) -> Unit | None:
    """The unit that a spelling stands for; superscripts and the look-alikes of Å and ° are understood."""
    return UNITS.get(_normalised(text))


def spoken(dimension: str) -> str:
    """``a length``, for messages."""
    return _SPOKEN[dimension]


def units_of(dimension: str) -> tuple[str, ...]:
    """Preferred spellings of the units of a dimension."""
    return tuple(dict.fromkeys(u.name for u in UNITS.values() if u.dimension == dimension))


def _normalised(text: str) -> str:
    # NFC maps the Ångström sign and A + ring to Å; NFKC would also turn superscripts into plain digits and lose the power.
    return unicodedata.normalize("NFC", text).replace("²", "^2").replace("³", "^3").replace("º", "°")
