"""The sites of a file, and all atoms of its cell that they and the symmetry make."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import gemmi
import numpy as np

from scoutlang.crystals.cif.symmetry import Floats, Setting, not_understood
from scoutlang.crystals.cif.tags import Tags, is_null
from scoutlang.crystals.found import SAME, element, known, too_many
from scoutlang.support.errors import ScoutError

if TYPE_CHECKING:
    from pymatgen.core import Lattice, Structure

SPECIAL = 0.2
"""Å: images of a site that are closer are one, and the site is on the symmetry element between."""
MOVED = 0.05
"""Å: who is moved further onto a symmetry element is told so."""
FULL = 1e-3
"""An occupancy this close to 1 is 1."""
AT = tuple(f"_atom_site_fract_{axis}" for axis in "xyz")
_TYPE = re.compile(r"([A-Za-z]{1,2})(?:[\d.]*[+-][\d.]*|\d+)?")


@dataclass(frozen=True, eq=False)
class _Site:
    label: str
    symbol: str
    at: Floats
    occupancy: float
    group: str
    """Assembly and alternative, where the file says that it is one of several; else empty."""


@dataclass
class Cell:
    """The atoms of a cell, site after site."""

    setting: Setting
    sites: list[_Site] = field(default_factory=list)
    places: list[Floats] = field(default_factory=list)
    """(m, 3) of each site."""
    notes: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, float]:
        """Atoms in the cell by element; deuterium is hydrogen."""
        found: dict[str, float] = {}
        for site, places in zip(self.sites, self.places, strict=True):
            symbol = element(site.symbol)
            found[symbol] = found.get(symbol, 0.0) + len(places) * site.occupancy
        return found

    def mass(self) -> float:
        """Of the cell, in atomic mass units."""
        from pymatgen.core import Element

        pairs = zip(self.sites, self.places, strict=True)
        return sum(float(Element(s.symbol).atomic_mass) * len(p) * s.occupancy for s, p in pairs)


def read_sites(
    tags: Tags, name: str, formula: dict[str, float] | None
) -> tuple[list[_Site], list[str]]:
    """The sites that are there, and what was left out. Raises ScoutError E203, E204."""
    number = tags.length(AT[0])

    def column(tag: str, default: str) -> list[str]:
        values = tags.column(f"_atom_site_{tag}")
        if values is not None and len(values) != number:
            raise ScoutError("E203", f"{name} has {len(values)} values of _atom_site_{tag}")
        return values if values is not None else [default] * number

    if apart := tags.elsewhere(AT[0], "_atom_site_"):
        raise ScoutError(
            "E203",
            f"{name} lists its sites twice: {AT[0]} and {apart} are in different loops",
            "write one loop of sites",
        )
    x, y, z = (column(f"fract_{axis}", "?") for axis in "xyz")
    labels, types = column("label", "?"), column("type_symbol", "?")
    occupancies, kinds = column("occupancy", "1"), column("calc_flag", ".")
    assemblies, groups = column("disorder_assembly", "."), column("disorder_group", ".")
    sites, dummies, empty = [], [], []
    for k in range(number):
        label = labels[k] if not is_null(labels[k]) else f"site {k + 1}"
        if kinds[k].lower() == "dum":
            dummies.append(label)
            continue
        at = [
            _number(v[k], label, f"fract_{axis}", name)
            for axis, v in zip("xyz", (x, y, z), strict=True)
        ]
        # the dictionary's default
        occupancy = (
            1.0 if occupancies[k] == "." else _number(occupancies[k], label, "occupancy", name)
        )
        if not -FULL <= occupancy <= 1 + FULL:
            raise ScoutError(
                "E203",
                f"{name}: {label} has an occupancy of {occupancy:g}",
                "an occupancy is between 0 and 1",
            )
        if occupancy < FULL:
            empty.append(label)
            continue
        symbol = symbol_of_site(types[k], labels[k], formula)
        if symbol is None:
            written = labels[k] if is_null(types[k]) else types[k]
            raise ScoutError(
                "E204",
                f"{name}: which element is {label} ({written})?",
                "give _atom_site_type_symbol: an element up to Fm",
            )
        group = "" if is_null(groups[k]) or groups[k] == "0" else f"{assemblies[k]} {groups[k]}"
        full = abs(occupancy - 1) <= FULL
        sites.append(_Site(label, symbol, np.array(at), 1.0 if full else occupancy, group))
    if not sites:
        raise ScoutError("E203", f"{name} holds no atoms")
    sites, notes = _hydrogens(sites), []
    if dummies:
        notes.append(f"left out: {_some(dummies)}, no atoms by _atom_site_calc_flag")
    if empty:
        notes.append(f"left out: {_some(empty)}, with an occupancy of 0")
    return sites, notes


def _hydrogens(sites: Sequence[_Site]) -> list[_Site]:
    """With one hydrogen where hydrogen and deuterium share a place: isotopes are no disorder."""
    found: list[_Site] = []
    for site in sites:
        if site.occupancy < 1 and element(site.symbol) == "H":
            for k, one in enumerate(found):
                if {one.symbol, site.symbol} in (
                    {"H", "D"},
                    {"H", "T"},
                    {"D", "T"},
                ) and np.allclose(one.at, site.at, atol=1e-3):
                    total = one.occupancy + site.occupancy
                    heavy = site if site.occupancy > one.occupancy else one
                    occupancy = 1.0 if abs(total - 1) <= FULL else total
                    found[k] = replace(heavy, occupancy=occupancy, group="")
                    break
            else:
                found.append(site)
        else:
            found.append(site)
    return found


def _number(text: str, label: str, what: str, name: str) -> float:
    value = gemmi.cif.as_number(text)
    if not math.isfinite(value) or abs(value) > 1e4:
        raise ScoutError(
            "E203",
            f"{name}: {label} has no number in _atom_site_{what}: {text[:40]}",
            "give it, or remove the site if it is not there",
        )
    return float(value)


def symbol_of_site(kind: str, label: str, formula: dict[str, float] | None) -> str | None:
    """The element of a site, by its type (``Na1+``), else by its label (``Na1``); None where it is
    not clear.
    """
    if not is_null(kind) and (matched := _TYPE.fullmatch(kind)):
        return known(matched[1].capitalize())
    text = label if is_null(kind) else kind
    letters = re.match(r"[A-Za-z]*", text)
    run = letters[0] if letters else ""
    if len(run) > 1 and run[1].islower():
        if len(run) > 2 and run[2].islower():
            return None  # a word
        return known(run[:2].capitalize())
    may_be = [one for n in (2, 1) if len(run) >= n and (one := known(run[:n].capitalize()))]
    if len(may_be) > 1 and formula is not None:
        may_be = [one for one in may_be if element(one) in formula]
    return may_be[0] if len(may_be) == 1 else None


def _some(labels: Sequence[str]) -> str:
    return ", ".join(labels[:4]) + (f" and {len(labels) - 4} more" if len(labels) > 4 else "")


def check_order(sites: Sequence[_Site], name: str) -> None:
    """Raises ScoutError E204 for sites that are partly occupied, or one of several."""
    partly = [f"{s.label} ({s.symbol} {s.occupancy:g})" for s in sites if s.occupancy < 1]
    alternatives: dict[str, set[str]] = {}
    for site in sites:
        if site.group:
            assembly, group = site.group.split(" ", 1)
            alternatives.setdefault(assembly, set()).add(group)
    several = {a for a, groups in alternatives.items() if len(groups) > 1}
    partly = partly or [s.label for s in sites if s.group and s.group.split(" ")[0] in several]
    partly = partly or [s.label for s in sites if s.group.split(" ")[-1].startswith("-")]
    if partly:
        raise _disordered(name, f"partly occupied: {_some(partly)}")


def _disordered(name: str, why: str) -> ScoutError:
    return ScoutError(
        "E204",
        f"{name} is disordered: {why}",
        "give an ordered model of it, or take those that are near: --ordered",
    )


def expanded(
    sites: Sequence[_Site],
    setting: Setting,
    lattice: Lattice,
    name: str,
    max_atoms: int,
    disordered: bool,
) -> Cell:
    """All atoms of the cell. Raises ScoutError E204 for a place that two elements share, E208, E211
    for a site that no number of images fits.
    """
    matrix = lattice.matrix
    # in no cell of useful size do two lattice points count as one
    near = min(1.0, 0.4 / float(np.linalg.norm(lattice.inv_matrix, axis=0).max()) / SPECIAL)
    cell, copies, moved = Cell(setting), [], []
    taken, owners = np.empty((0, 3)), list[_Site]()
    for site in sites:
        places, shift = _orbit(site.at, setting, matrix, near * SPECIAL)
        if len(setting.rotations) % len(places):
            raise not_understood(
                f"{name}: {site.label} is near, but not on, a symmetry element of {setting.name}",
                "give its coordinates with more digits",
            )
        if shift > MOVED:
            moved.append(f"{site.label} by {shift:.2f} Å")
        if len(taken):
            distances = _distance(taken, places[0], matrix)
            one = owners[int(distances.argmin())]
            whole = not disordered or max(one.occupancy, site.occupancy) == 1
            if distances.min() < near * SAME and whole:
                if element(one.symbol) != element(site.symbol):
                    raise _disordered(name, f"{one.label} and {site.label} share a place")
                copies.append(f"{site.label} ({one.label})")
                continue
        if len(taken) + len(places) > max_atoms:
            raise too_many(name, len(taken) + len(places), max_atoms)
        taken = np.concatenate([taken, places])
        owners += [site] * len(places)
        cell.sites.append(site)
        cell.places.append(places)
    if copies:
        cell.notes.append(f"listed twice, counted once: {_some(copies)}")
    if moved:
        cell.notes.append(f"put on symmetry elements: {_some(moved)}")
    return cell


def _distance(points: Floats, point: Floats, matrix: Floats) -> Floats:
    """Å, to the nearest image by each coordinate, which is right for short ones."""
    off = points - point
    found: Floats = np.linalg.norm((off - np.round(off)) @ matrix, axis=-1)
    return found


def _orbit(at: Floats, setting: Setting, matrix: Floats, near: float) -> tuple[Floats, float]:
    """(m, 3) the images of a site in the cell, and how far (Å) it was moved onto the symmetry
    elements on which it is.
    """
    images = setting.rotations @ at + setting.translations
    on = _distance(images, at, matrix) < near
    off = images[on] - at
    shift = (off - np.round(off)).mean(0)
    images = setting.rotations @ (at + shift) + setting.translations
    left, found = images, []
    while len(left):
        found.append(left[0] - np.floor(left[0]))
        left = left[_distance(left, left[0], matrix) > near / 10]
    return np.array(found), float(np.linalg.norm(shift @ matrix))


def structure_of(cell: Cell, lattice: Lattice) -> Structure:
    from pymatgen.core import Structure

    species: list[dict[str, float]] = []
    places: list[Floats] = []
    for site, points in zip(cell.sites, cell.places, strict=True):
        symbol = element(site.symbol)
        for point in points:
            shared = None
            if site.occupancy < 1 and places:
                distances = _distance(np.array(places), point, lattice.matrix)
                shared = int(distances.argmin()) if distances.min() < SAME else None
            if shared is None:
                species.append({symbol: site.occupancy})
                places.append(point)
            else:
                before = species[shared].get(symbol, 0.0)
                species[shared][symbol] = min(1.0, before + site.occupancy)
    return Structure(
        lattice, [s if min(s.values()) < 1 else next(iter(s)) for s in species], places
    )
