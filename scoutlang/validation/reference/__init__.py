"""Reference sets: known crystals with source and licence, against which others are judged."""

from __future__ import annotations

from scoutlang.validation.reference.store import known_names, load_one
from scoutlang.validation.reference.structures import ReferenceStructure
from scoutlang.validation.reference.table import SCHEMA, Reference, to_table, union

__all__ = ["SCHEMA", "Reference", "ReferenceStructure", "known_names", "load", "to_table", "union"]


def load(name: str = "mp-mini") -> Reference:
    """An embedded set (``mp-mini``), an own one, or the union of several: ``mp-mini+mine``.

    Raises ScoutError: E441 unknown name, E465 damaged.
    """
    parts = list(dict.fromkeys(name.split("+")))
    return load_one(parts[0]) if len(parts) == 1 else union(map(load_one, parts))
