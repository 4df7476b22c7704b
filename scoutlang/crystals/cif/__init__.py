"""Crystals from CIF: gemmi reads the syntax, and what it says is taken by its meaning here.

The symmetry is that of the operations, else of the Hall symbol, else of the Hermann-Mauguin symbol,
else of the number of the space group. What is not understood, or contradicts what else the file
says, is an error: nothing is taken for P 1. The crystal is then held against everything that the
file says of it: formula, formula units in the cell, multiplicities of sites, volume, density.

Tags, their meanings and defaults: the core dictionary (International Tables for Crystallography G);
tags of mmCIF and DDLm differ by a dot only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import gemmi
import numpy as np

from scoutlang.crystals.cif.checks import formula_of, held_against
from scoutlang.crystals.cif.sites import (
    AT,
    check_order,
    expanded,
    read_sites,
    structure_of,
    symbol_of_site,
)
from scoutlang.crystals.cif.symmetry import not_understood, possible_settings, settings_of_symbol
from scoutlang.crystals.cif.tags import CELL, Tags
from scoutlang.crystals.found import Crystal, too_many
from scoutlang.support.errors import ScoutError, squeezed

if TYPE_CHECKING:
    from pymatgen.core import Lattice, Structure

__all__ = ["CELL", "crystals", "settings_of_symbol", "symbol_of_site"]

_TYPESET = {0x2212: "-", 0xA0: " "}
"""What word processors make of a minus sign and a blank."""


def crystals(
    text: str, name: str, *, max_atoms: int, disordered: bool = False
) -> Iterator[Crystal | ScoutError]:
    """The crystal of every data block that has one, in order; where it cannot be used, its error.

    name: for messages. disordered: sites that are shared or partly occupied are given as such,
    instead of E204. Raises ValueError for what is no CIF.
    """
    try:
        document = gemmi.cif.read_string(text.translate(_TYPESET), 0)
    except (ValueError, RuntimeError) as error:
        second = " (of CIF 2.0, lists and triple quotes are not read)" * (r"#\#CIF_2" in text[:20])
        where = re.sub(r"^string:(\d+):.*?: ", r"line \1: ", str(error))
        raise ValueError(where + second) from None
    if not len(document):
        raise ValueError("it has no data block")
    several = len(document) > 1
    for block in document:
        tags = Tags(block)
        if not tags.is_crystal:
            continue
        said = f"{name}, data_{block.name}" if several else name
        try:
            yield _crystal(tags, said, max_atoms, disordered)
        except ScoutError as error:
            yield error
        except (ValueError, OverflowError) as error:
            yield ScoutError("E203", f"{said} is not a readable cif file: {squeezed(error)}")


def _crystal(tags: Tags, name: str, max_atoms: int, disordered: bool) -> Crystal:
    if not all(tag in tags for tag in AT):
        what = (
            "gives its atoms in Cartesian coordinates; fractional ones are wanted"
            if "_atom_site_cartn_x" in tags
            else "has a cell but no atoms with coordinates"
        )
        raise ScoutError("E203", f"{name} {what}", "write _atom_site_fract_x, _y and _z")
    if tags.length(AT[0]) > max_atoms:
        raise too_many(name, tags.length(AT[0]), max_atoms)
    lattice = _lattice(tags, name)
    formula = formula_of(tags)
    metric = lattice.matrix @ lattice.matrix.T
    settings, notes = possible_settings(tags, name, metric)
    sites, said = read_sites(tags, name, formula)
    if not disordered:
        check_order(sites, name)
    found, refused = [], None
    for setting in settings:
        try:
            cell = expanded(sites, setting, lattice, name, max_atoms, disordered)
            found.append((cell, *held_against(tags, cell, lattice, formula, name)))
        except ScoutError as error:
            refused = refused or error
    if not found and refused:
        raise refused
    whole = [one for one in found if not one[2]] or found
    cell, noted, lacking = whole[0]
    structure = structure_of(cell, lattice)
    if any(not _same(structure, structure_of(other[0], lattice)) for other in whole[1:]):
        names = " or ".join(one[0].setting.name for one in whole)
        raise not_understood(
            f"{name} does not say in which setting it is: {names}",
            f"write one of these symbols: {names}",
        )
    if len(whole) < len(settings):
        noted = [f"of its possible settings only {cell.setting.name} agrees with all else", *noted]
    return Crystal(structure, (*notes, *said, *cell.notes, *noted), lacking)


def _lattice(tags: Tags, name: str) -> Lattice:
    from pymatgen.core import Lattice

    values = []
    for tag in CELL:
        value = tags.number(tag)
        if value is None:
            written = tags.value(tag)
            why = f"has no {tag}" if written is None else f"has no number in {tag}: {written[:40]}"
            raise ScoutError("E203", f"{name} {why}", "give all edges (Å) and angles (degrees)")
        values.append(value)
    lengths, angles = values[:3], np.radians(values[3:])
    a, b, c = np.cos(angles)
    flat = 1 - a * a - b * b - c * c + 2 * a * b * c
    if min(values) <= 0 or max(values[3:]) >= 180 or max(lengths) > 1e4 or flat < 1e-6:
        given = ", ".join(f"{v:g}" for v in values)
        raise ScoutError("E206", f"{name} has a degenerate cell: {given}")
    return Lattice.from_parameters(*values)


def _same(one: Structure, other: Structure) -> bool:
    from pymatgen.analysis.structure_matcher import StructureMatcher

    matcher = StructureMatcher(0.05, 0.05, 1, primitive_cell=False, scale=False)
    return len(one) == len(other) and bool(matcher.fit(one, other))
