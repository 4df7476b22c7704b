"""What the entrances of structure files share: a few crystals, and what any of their readers may
answer.
"""

from __future__ import annotations

from pathlib import Path

from pymatgen.core import Lattice, Structure

from scoutlang.crystals.io import parse
from scoutlang.crystals.specimen import Specimen
from scoutlang.support.errors import ScoutError

SECONDS = 5.0


def crystals() -> list[Structure]:
    return [
        Structure.from_spacegroup(225, Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5] * 3]),
        Structure(Lattice.hexagonal(2.9, 4.7), ["Mg", "O"], [[0, 0, 0], [1 / 3, 2 / 3, 0.22]]),
        Structure(
            Lattice.from_parameters(4.1, 5.2, 6.3, 88, 95, 101),
            ["Cu", "P", "P", "Si"],
            [[0, 0, 0], [0.3, 0.4, 0.5], [0.6, 0.1, 0.8], [0.9, 0.7, 0.2]],
        ),
    ]


def outcome(found: list[Specimen | ScoutError]) -> str:
    """The word for what a reader has found, after everything in it was looked at."""
    assert found, "neither a crystal nor an error"
    words = set()
    for one in found:
        if isinstance(one, ScoutError):
            str(one).encode()
            words.add(one.code)
        else:
            assert len(one.crystal) <= 1000
            assert one.crystal.volume > 0
            words.add("read")
    return " ".join(sorted(words))


def fed(data: bytes, filename: str, folder: Path) -> str:
    return outcome(list(parse(data, filename, filename)))
