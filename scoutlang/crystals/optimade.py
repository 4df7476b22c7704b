"""The crystal of an OPTIMADE entry, from a server or a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from scoutlang.crystals.found import cell_of, element, known, too_many
from scoutlang.support.errors import ScoutError, squeezed

if TYPE_CHECKING:
    from pymatgen.core import Structure

_HIDDEN = {"implicit_atoms": "atoms that it does not list", "site_attachments": "attached atoms"}
"""What a feature of a structure means for its list of atoms."""
_PART = re.compile(r"([A-Z][a-z]?)(\d*)")


def to_structure(entry: dict[str, Any], name: str, max_atoms: int) -> Structure:
    """The crystal of one entry. name: for messages.

    Raises ScoutError E204 (disordered), E206 (not a crystal), E208 (too many atoms), E212 (other
    atoms than its formula), E203 (anything else).
    """
    try:
        return _structure(entry, name, max_atoms)
    except ScoutError:
        raise
    except ValueError as error:
        raise ScoutError("E203", f"{name}: {squeezed(error)}") from None
    except Exception:  # what a stranger sent can be of any shape
        raise ScoutError(
            "E203", f"{name} has fields of other kinds than OPTIMADE's structures"
        ) from None


def _structure(entry: dict[str, Any], name: str, max_atoms: int) -> Structure:
    from pymatgen.core import Structure

    attributes = entry.get("attributes")
    if not isinstance(attributes, dict):
        raise ValueError("it has no attributes")
    features = set(attributes.get("structure_features") or ())
    if features & {"disorder", "assemblies"}:
        raise ScoutError("E204", f"{name} is disordered")
    if hidden := sorted(features & _HIDDEN.keys()):
        raise ValueError(f"it has {_HIDDEN[hidden[0]]}")
    if not _is_periodic(attributes):
        raise ScoutError("E206", f"{name} is not periodic in three dimensions")
    fields = ("species_at_sites", "cartesian_site_positions", "lattice_vectors")
    for field in fields:
        if not isinstance(attributes.get(field), list):
            raise ValueError(f"it has no {field}")
    at_sites, positions, vectors = (attributes[field] for field in fields)
    if len(at_sites) > max_atoms:
        raise too_many(name, len(at_sites), max_atoms)
    stated = attributes.get("nsites")
    if len(at_sites) != len(positions) or stated not in (None, len(at_sites)):
        raise ValueError(
            f"it has {len(at_sites)} species_at_sites, {len(positions)} cartesian_site_positions"
            + ("" if stated is None else f" and nsites {stated}")
        )
    symbols = _symbols(attributes.get("species"), at_sites, name)
    points = np.array(positions, dtype=float)
    if points.shape != (len(at_sites), 3) or not np.isfinite(points).all():
        raise ValueError("a site has no position of three numbers")
    _check_formula(attributes.get("chemical_formula_reduced"), symbols, name)
    lattice = cell_of(vectors, name)
    return Structure(lattice, symbols, points, coords_are_cartesian=True)


def _symbols(species: Any, at_sites: list[Any], name: str) -> list[str]:
    """The element of each site. Some servers send no species: one that is called by its element is
    it.
    """
    elements: dict[str, str] = {}
    for one in species or ():
        kinds, shares = one["chemical_symbols"], one["concentration"]
        called = str(one["name"])[:40]
        if any(one.get("nattached") or ()) or one.get("attached"):
            raise ValueError(f"atoms are attached to {called}, and it does not list them")
        if len(kinds) != 1 or len(shares) != 1 or abs(shares[0] - 1) > 1e-6:
            written = " ".join(f"{k} {x}" for k, x in zip(kinds, shares, strict=False))
            raise ScoutError("E204", f"{name} is disordered: {called} is {written[:80]}")
        if known(str(kinds[0])) is None:
            raise ScoutError("E204", f"{name}: which element is {str(kinds[0])[:20]} ({called})?")
        elements[one["name"]] = kinds[0]
    if not species:
        elements = {one: one for one in at_sites if isinstance(one, str) and known(one)}
    missing = next((one for one in at_sites if one not in elements), None)
    if missing is not None:
        raise ValueError(f"{str(missing)[:40]} of its species_at_sites is not among its species")
    return [element(elements[one]) for one in at_sites]


def _check_formula(formula: Any, symbols: Iterable[str], name: str) -> None:
    """Raises ScoutError E212 where the atoms are not in the ratio of ``chemical_formula_reduced``;
    what is no formula is passed over.
    """
    if not isinstance(formula, str) or not re.fullmatch(f"(?:{_PART.pattern})+", formula):
        return
    stated: dict[str, int] = {}
    for symbol, number in _PART.findall(formula):
        stated[element(symbol)] = stated.get(element(symbol), 0) + int(number or 1)
    atoms: dict[str, int] = {}
    for symbol in symbols:
        atoms[symbol] = atoms.get(symbol, 0) + 1
    times = sum(atoms.values()) / sum(stated.values())
    if {symbol: number * times for symbol, number in stated.items()} != atoms:
        counted = " ".join(f"{symbol}{number}" for symbol, number in sorted(atoms.items()))
        raise ScoutError(
            "E212",
            f"{name} is not the crystal that it says: its formula is {formula[:60]}, and its atoms"
            f" are {counted[:80]}",
        )


def _is_periodic(attributes: dict[str, Any]) -> bool:
    """In three dimensions; three lattice vectors say so where nothing else does."""
    if (number := attributes.get("nperiodic_dimensions")) is not None:
        return bool(number == 3)
    if (types := attributes.get("dimension_types")) is not None:
        return list(types) == [1, 1, 1]
    return True
