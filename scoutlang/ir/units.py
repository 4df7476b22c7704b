"""Dimensions, the types of quantities, and unit spellings: what each measures and its size in the
canonical unit of that dimension.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

_UNIT_OF_BASE: Mapping[str, str] = {
    "length": "Å",
    "angle": "°",
    "density": "g/cm^3",
    "energy_per_atom": "eV/atom",
    "energy": "eV",
    "pressure": "GPa",
    "truth": "",
    "category": "",
}
"""Base dimension → its canonical unit; a truth and a word have none."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """A product of powers of the base dimensions."""

    powers: tuple[tuple[str, float], ...] = ()
    """(Base, power), sorted; empty for a plain number."""

    def __mul__(self, other: Dimension) -> Dimension:
        total = Counter(dict(self.powers))
        for base, power in other.powers:
            total[base] += power  # type: ignore[assignment]
        return Dimension(tuple(sorted((b, p) for b, p in total.items() if p)))

    def __truediv__(self, other: Dimension) -> Dimension:
        return self * other.to(-1)

    def to(self, power: float) -> Dimension:
        return Dimension(tuple((b, p * power) for b, p in self.powers) if power else ())

    @property
    def unit(self) -> str:
        """The canonical unit as text: ``Å^3``, ``g/cm^3``; empty for a plain number."""
        return " ".join(
            _UNIT_OF_BASE[b] + ("" if p == 1 else f"^{p:g}")
            for b, p in self.powers
            if _UNIT_OF_BASE[b]
        )

    @property
    def spoken(self) -> str:
        """``a length``, for messages."""
        return next(
            (text for name, text in _SPOKEN.items() if DIMENSIONS[name] == self), f"in {self.unit}"
        )


PLAIN = Dimension()
DIMENSIONS: Mapping[str, Dimension] = {
    "dimensionless": PLAIN,
    **{base: Dimension(((base, 1),)) for base in _UNIT_OF_BASE},
    "area": Dimension((("length", 2),)),
    "volume_per_atom": Dimension((("length", 3),)),
}
"""Name of a dimension (`signatures.Dimension`) → what it is made of. A volume per atom and a volume
are in the same unit.
"""

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
    "truth": "true or false",
    "category": "a word",
}


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that a program may write."""

    name: str
    """The preferred spelling."""
    dimension: Dimension
    factor: float
    """Its size in the canonical unit of the dimension."""


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
    (("eV",), "energy", 1.0),
    (("meV",), "energy", 0.001),
    (("GPa",), "pressure", 1.0),
)


def _table() -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for spellings, factor in _LENGTHS:
        for spelling in spellings:
            units[spelling] = Unit(spellings[0], DIMENSIONS["length"], factor)
            units[f"{spelling}^2"] = Unit(f"{spellings[0]}^2", DIMENSIONS["area"], factor**2)
            for volume in (f"{spelling}^3", f"{spelling}^3/atom"):
                units[volume] = Unit(f"{spellings[0]}^3", DIMENSIONS["volume_per_atom"], factor**3)
    for spellings, dimension, factor in _OTHERS:
        units.update(
            {spelling: Unit(spellings[0], DIMENSIONS[dimension], factor) for spelling in spellings}
        )
    return units


UNITS: Mapping[str, Unit] = _table()


def find_unit(text: str) -> Unit | None:
    """The unit that a spelling stands for; superscripts and the look-alikes of Å and ° are
    understood.
    """
    return UNITS.get(_normalised(text))


def units_of(dimension: Dimension) -> tuple[str, ...]:
    """Preferred spellings of the units of a dimension."""
    return tuple(dict.fromkeys(u.name for u in UNITS.values() if u.dimension == dimension))


def _normalised(text: str) -> str:
    # NFC maps the Ångström sign and A + ring to Å; NFKC would also turn superscripts into plain
    # digits and lose the power.
    return (
        unicodedata.normalize("NFC", text).replace("²", "^2").replace("³", "^3").replace("º", "°")
    )
