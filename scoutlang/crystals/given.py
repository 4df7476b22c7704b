"""The crystals that a program gives with `keep`, `start` and templates: read from the text that the
program carries, and whether a host or a start can be one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from scoutlang.crystals.io import parse
from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import Program, TextFile
from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.support.errors import ScoutError

if TYPE_CHECKING:
    from pymatgen.core import Structure


@lru_cache(maxsize=16)
def given_crystal(file: TextFile, called: str) -> Specimen:
    """The one crystal of a CIF that a program holds, its sites in the order of the file. called:
    the file in messages. Raises ScoutError E209.
    """
    found = list(parse(file.text.encode(), called, file.name))
    if len(found) != 1:
        raise ScoutError("E209", f"{called} holds {len(found)} crystals", "one is wanted")
    one = found[0]
    if isinstance(one, ScoutError):
        hint = one.hint or "one data block with one crystal is wanted"
        raise ScoutError("E209", one.message, hint)
    if one.lacking:
        raise ScoutError(
            "E209",
            f"{called}: {one.lacking}",
            "a crystal that lacks atoms can be neither a host, nor a start, nor a template",
        )
    return one


def given_structure(file: TextFile) -> Structure:
    """The crystal of `keep` or `start`. Raises ScoutError E209."""
    return given_crystal(file, file.name).crystal


def amounts(program: Program, size: int) -> Counter[int]:
    """Atomic number → atoms in a cell of whole formula units."""
    formula = program.formula or ()
    units = size // sum(count for _, count in formula)
    return Counter({ATOMIC_NUMBER[symbol]: count * units for symbol, count in formula})


def sizes_with_host(program: Program, host: Structure, sizes: Iterable[int]) -> list[int]:
    """Those numbers of atoms, whole formula units where there is a formula, of which the host is
    a part and something else the rest.
    """
    found = [n for n in sizes if n > len(host)]
    if program.formula:
        least = Counter(host.atomic_numbers)
        found = [n for n in found if least <= amounts(program, n)]
    return found


def check_given(program: Program, model: str, most: int | None) -> None:
    """Refuse what cannot be kept or started from. model: its name; most: atoms that it makes,
    None where that is not known. Raises ScoutError E209, E522.
    """
    file = given_file(program)
    if file is None:
        return
    structure = given_structure(file)
    if most is not None and len(structure) > most - (program.keep is not None):
        raise ScoutError(
            "E522",
            f"{file.name} has {len(structure)} atoms",
            f"the model '{model}' makes cells of 1 to {most} atoms"
            + (", and one atom at least is to be found" if program.keep else ""),
        )
    if program.keep is None:
        return
    outside = {e.symbol for e in structure.composition} - set(program.system)
    if outside:
        raise ScoutError(
            "E522",
            f"{', '.join(sorted(outside))} of {file.name} is not in the system",
            "what is kept counts: add it to `system`",
        )
    unit = sum(count for _, count in program.formula or ()) or 1
    low = 1 if program.atoms is None else max(program.atoms.low, 1)
    # cells of as many formula units as the host has atoms hold it, and so do all larger ones
    limits = [max(low, (len(structure) + 1) * unit) + unit, most]
    limits.append(None if program.atoms is None else program.atoms.high)
    high = min(limit for limit in limits if limit is not None)
    sizes = (n for n in range(low, high + 1) if n % unit == 0)
    if not sizes_with_host(program, structure, sizes):
        raise ScoutError(
            "E522",
            f"{file.name} with its {len(structure)} atoms is no part of a cell that the program "
            "allows",
            "`atoms` and `formula` count all atoms, with those that are kept",
        )


def given_file(program: Program) -> TextFile | None:
    """Of `keep` or `start`; a program has one of them at most."""
    if program.keep is not None:
        return program.keep.host
    return None if program.start is None else program.start.seed
