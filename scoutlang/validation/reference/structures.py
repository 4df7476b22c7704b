"""One known crystal of a reference set."""

from __future__ import annotations

from dataclasses import dataclass

from pymatgen.core import Structure


@dataclass(frozen=True)
class ReferenceStructure:
    """A crystal with where it comes from."""

    id: str
    """Unique in its source: ``mp-149``."""
    source: str
    """The database: ``materials-project``, ``optimade/alexandria``."""
    structure: Structure
    citation: str
    """Where the geometry was published."""
    licence: str
    """An SPDX-like name."""
