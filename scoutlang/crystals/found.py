"""What a structure file holds, and what all readers of files share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.support.errors import ScoutError

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Lattice, Structure

HEAVY_HYDROGEN = frozenset({"D", "T"})
SAME = 0.05
"""Å: sites that are closer are the same place."""
MAX_LENGTH = 1e4
"""Å, of an edge."""
FLAT = 1e-5
"""Volume of a cell with edges of 1 that has none."""


@dataclass(frozen=True)
class Crystal:
    """A crystal of a file, as it stands there."""

    structure: Structure | Atoms
    notes: tuple[str, ...] = ()
    """What the file says and the atoms do not; the crystal is certain all the same."""
    lacking: str = ""
    """Atoms of the formula that have no positions; empty where the crystal is whole."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else a frame of extxyz says, by key in small letters: energies most often."""


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
    if matched := _NUMBER.fullmatch(word):
        return float(f"{matched[1]}e{matched[2] or 0}")
    comma = "; a comma is no decimal point" if _COMMA.fullmatch(word) else ""
    raise ValueError(f"{word[:40]} is no number{comma}")


_NUMBER = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:[eEdD]([+-]?[0-9]{1,4}))?")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")


def cell_of(vectors: Any, name: str) -> Lattice:
    """The lattice of three vectors (Å) that span a volume. Raises ScoutError E206, and
    ValueError where they are not three by three numbers.
    """
    from pymatgen.core import Lattice

    matrix = np.array(vectors, dtype=float)
    if matrix.shape != (3, 3):
        raise ValueError("its cell is not three vectors of three numbers")
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(matrix, axis=1)
        if not (np.isfinite(lengths).all() and lengths.max() < MAX_LENGTH):
            raise ScoutError("E206", f"{name} has cell vectors that are no lengths")
        if not lengths.min() or abs(np.linalg.det(matrix / lengths[:, None])) < FLAT:
            raise ScoutError("E206", f"{name} has a cell without volume")
    return Lattice(matrix)


def too_many(name: str, number: int, most: int) -> ScoutError:
    return ScoutError(
        "E208", f"{name} has {number} atoms, more than {most}", "give the primitive cell"
    )
