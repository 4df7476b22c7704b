"""What a file says of its crystal, held against the atoms."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import gemmi

from scoutlang.crystals.cif.sites import Cell
from scoutlang.crystals.cif.tags import Tags
from scoutlang.crystals.found import element, known
from scoutlang.support.errors import ScoutError

if TYPE_CHECKING:
    from pymatgen.core import Lattice

VOLUME_NOTED, DENSITY_NOTED = 0.01, 0.03
"""Relative deviations that are said."""
ANOTHER = 1.5
"""A factor in volume or density from which on it is another crystal."""
_FORMULA = re.compile(r"([A-Z][a-z]?)\s*(\d*\.?\d*)(?:\(\d+\))?")


def formula_of(tags: Tags) -> dict[str, float] | None:
    """Atoms of one unit by element, if the file has a formula that can be read."""
    text = tags.value("_chemical_formula_sum")
    if text is None or len(text) > 1000:
        return None
    found: dict[str, float] = {}
    plain = text.replace("'", "").replace(",", " ").strip()
    while plain:
        part = _FORMULA.match(plain)
        if part is None or (known(part[1]) is None):
            return None
        if part[2] == ".":
            return None
        symbol = element(part[1])
        found[symbol] = found.get(symbol, 0.0) + float(part[2] or 1)
        plain = plain[part.end() :].strip()
    return {symbol: count for symbol, count in found.items() if count > 0}


def held_against(
    tags: Tags, cell: Cell, lattice: Lattice, formula: dict[str, float] | None, name: str
) -> tuple[list[str], str]:
    """What the file says of the crystal and is not so, and which atoms are missing. Raises
    ScoutError E212 where the atoms are another crystal.
    """
    notes: list[str] = []
    counts = cell.counts()
    lacking, units = "", None
    if formula is None:
        if written := tags.value("_chemical_formula_sum"):
            notes.append(
                f"its formula {written!r} is not understood; the atoms are {_said(counts)}"
            )
    else:
        lacking, units = _against_formula(counts, formula, name)
    if not lacking and (hydrogens := _attached(tags)):
        lacking = f"{hydrogens:g} H are said to be attached to atoms and have no positions"
    volume, stated = float(lattice.volume), tags.number("_cell_volume")
    if stated is not None and stated > 0 and abs(stated / volume - 1) > VOLUME_NOTED:
        what = f"its volume is said to be {stated:g} Å^3, and its cell has {volume:.5g}"
        if max(stated / volume, volume / stated) > ANOTHER:
            raise _another(name, what)
        notes.append(what)
    density = cell.mass() / volume * 1.66053907
    stated = tags.number("_exptl_crystal_density_diffrn")
    if lacking or stated is None or stated <= 0:
        agrees = None
    else:
        agrees = abs(stated / density - 1) <= DENSITY_NOTED
        what = f"its density is said to be {stated:g} g/cm^3, and its atoms have {density:.4g}"
        if max(stated / density, density / stated) > ANOTHER:
            raise _another(name, what)
        if not agrees:
            notes.append(what)
    z = tags.number("_cell_formula_units_z")
    if units is not None and z is not None and z > 0 and formula is not None:
        of_cell = units == 1 and all(count % z == 0 for count in formula.values())
        if abs(units - z) > 0.1 and not of_cell:
            what = f"its cell is said to hold {z:g} formula units, and its atoms are {units:g}"
            if not lacking and not agrees:
                raise _another(name, what)
            notes.append(what)
    notes += _against_multiplicities(tags, cell)
    return notes, lacking


def _another(name: str, what: str) -> ScoutError:
    return ScoutError(
        "E212",
        f"{name} is not the crystal that it says: {what}",
        "check the symmetry, the cell and the list of atoms; correct what is wrong",
    )


def _against_formula(
    counts: dict[str, float], formula: dict[str, float], name: str
) -> tuple[str, float]:
    """(what is missing, formula units in the cell)."""
    said = f"its formula is {_said(formula)}, and its atoms are {_said(counts)}"
    if more := sorted(counts.keys() - formula.keys()):
        raise _another(name, f"{said}: {', '.join(more)} not in the formula")
    units = max(counts.get(symbol, 0) / count for symbol, count in formula.items())
    exact = all(count == int(count) for count in formula.values())
    missing = []
    for symbol, count in formula.items():
        wanted = units * count
        if wanted - counts.get(symbol, 0) > (0.1 if exact else 0.5 + 0.02 * wanted):
            missing.append(symbol)
    if not missing:
        return "", units
    none = all(symbol not in counts for symbol in missing)
    which = ", ".join(missing) + (" has" if len(missing) == 1 else " have")
    return f"{said}: {which} {'no positions' if none else 'too few positions'}", units


def _said(counts: dict[str, float]) -> str:
    """``Mg H2 O2``, by the smallest whole numbers if they are whole."""
    values = list(counts.values())
    if all(v == int(v) for v in values):
        divisor = math.gcd(*map(int, values))
        values = [v / divisor for v in values]
    return " ".join(f"{s}{'' if v == 1 else f'{v:g}'}" for s, v in zip(counts, values, strict=True))


def _attached(tags: Tags) -> float:
    column = tags.column("_atom_site_attached_hydrogens") or []
    return sum(v for v in map(gemmi.cif.as_number, column) if v > 0)


def _against_multiplicities(tags: Tags, cell: Cell) -> list[str]:
    """Programs write either the images of a site or the order of its symmetry under the one tag."""
    labels = tags.column("_atom_site_label")
    if labels is None or len({*labels}) < len(labels):
        return []
    group = len(cell.setting.rotations)
    images = dict(zip((site.label for site in cell.sites), map(len, cell.places), strict=True))
    for tag in (
        "_atom_site_symmetry_multiplicity",
        "_atom_site_site_symmetry_multiplicity",
        "_atom_site_site_symmetry_order",
    ):
        column = tags.column(tag)
        if column is None or len(column) != len(labels):
            continue
        stated = {
            label: value
            for label, text in zip(labels, column, strict=True)
            if label in images and (value := gemmi.cif.as_number(text)) > 0
        }
        orders = {label: group / images[label] for label in stated}
        if stated != orders and any(stated[label] != images[label] for label in stated):
            wrong = next(label for label in stated if stated[label] != images[label])
            return [
                f"{wrong} is said to have {stated[wrong]:g} sites in the cell,"
                f" and it has {images[wrong]}"
            ]
    return []
