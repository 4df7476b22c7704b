"""What a structure file holds, and what all readers of files share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.support.errors import ScoutError

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

HEAVY_HYDROGEN = frozenset({"D", "T"})


@dataclass(frozen=True)
class Crystal:
    """A crystal of a file, as it stands there."""

    structure: Structure | Atoms
    notes: tuple[str, ...] = ()
    """What the file says and the atoms do not; the crystal is certain all the same."""
    lacking: str = ""
    """Atoms of the formula that have no positions; empty where the crystal is whole."""


def known(symbol: str) -> str | None:
    """The symbol of an element or of heavy hydrogen, else None."""
    return symbol if symbol in ATOMIC_NUMBER or symbol in HEAVY_HYDROGEN else None


def element(symbol: str) -> str:
    """Deuterium and tritium are hydrogen."""
    return "H" if symbol in HEAVY_HYDROGEN else symbol


def symbol_of(word: str, name: str) -> str:
    """The element of a word in a list of atoms: ``Fe``, ``FE``, ``26``; heavy hydrogen is hydrogen.
    Raises ScoutError E204.
    """
    if word.isdecimal() and len(word) < 4:
        word = next((one for one, z in ATOMIC_NUMBER.items() if z == int(word)), word)
    found = known(word) or known(word.capitalize())
    if found is None:
        raise ScoutError(
            "E204",
            f"{name} holds {word[:20]}, which is not an element up to Fm",
            "write the symbols of elements",
        )
    return element(found)


def number_of(word: str) -> float:
    """A number as Fortran writes it, too: ``1.5D-3``. Raises ValueError."""
    return float(word.replace("D", "E").replace("d", "e"))


def too_many(name: str, number: int, most: int) -> ScoutError:
    return ScoutError(
        "E208", f"{name} has {number} atoms, more than {most}", "give the primitive cell"
    )
