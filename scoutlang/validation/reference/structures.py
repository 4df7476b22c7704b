"""One known crystal of a reference set."""

from __future__ import annotations

from dataclasses import dataclass

from pymatgen.core import Structure


@dataclass(frozen=True)
class ReferenceStructure:
    """``id`` is unique in its source (``mp-149``); ``citation`` says where the geometry comes from;
    ``licence`` is an SPDX-like name.
    """

    id: str
    source: str
    structure: Structure
    citation: str
    licence: str
