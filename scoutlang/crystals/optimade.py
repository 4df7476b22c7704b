"""The crystal of an OPTIMADE entry, from a server or a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.support.errors import ScoutError, squeezed

if TYPE_CHECKING:
    from pymatgen.core import Structure


def to_structure(entry: dict[str, Any]) -> Structure:
    """The crystal of one entry. Raises ScoutError E204 (disordered), E206 (not a crystal), E203
    (anything else).
    """
    from pymatgen.core import Lattice, Structure

    name = str(entry.get("id"))[:200]
    try:
        attributes = entry["attributes"]
        features = set(attributes.get("structure_features") or ())
        if features & {"disorder", "assemblies"}:
            raise ScoutError("E204", f"{name} is disordered")
        if features & {"implicit_atoms", "site_attachments"}:
            raise ScoutError("E203", f"{name} has atoms without positions")
        if not _is_periodic(attributes):
            raise ScoutError("E206", f"{name} is not periodic in three dimensions")
        at_sites = attributes["species_at_sites"]
        symbols = {}
        for species in attributes.get("species") or ():
            if len(species["chemical_symbols"]) != 1 or abs(species["concentration"][0] - 1) > 1e-6:
                raise ScoutError("E204", f"{name} is disordered")
            symbols[species["name"]] = species["chemical_symbols"][0]
        if (
            not symbols
        ):  # some servers leave them out; a species that is called by its element is it
            symbols = {one: one for one in at_sites if one in ATOMIC_NUMBER or one == "D"}
        return Structure(
            Lattice(attributes["lattice_vectors"]),
            [symbols[site] for site in at_sites],
            attributes["cartesian_site_positions"],
            coords_are_cartesian=True,
        )
    except ScoutError:
        raise
    except Exception as error:  # what a stranger sent can be of any shape
        raise ScoutError(
            "E203",
            f"{name} is not a readable OPTIMADE structure: {squeezed(error)}",
        ) from None


def _is_periodic(attributes: dict[str, Any]) -> bool:
    """In three dimensions; three lattice vectors say so where nothing else does."""
    if (number := attributes.get("nperiodic_dimensions")) is not None:
        return bool(number == 3)
    if (types := attributes.get("dimension_types")) is not None:
        return list(types) == [1, 1, 1]
    return True
