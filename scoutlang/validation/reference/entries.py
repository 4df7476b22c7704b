"""Crystals from a JSON list of pymatgen `ComputedStructureEntry`, which may be larger than a
structure file and names its crystals. Their energies are left: those of a hull come from one
potential.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pymatgen.core import Structure

from scoutlang.crystals.formats import plain_structure
from scoutlang.support.errors import ScoutError, squeezed

MAX_BYTES = 512 * 2**20


def entries_of(path: Path) -> list[Any] | None:
    """The entries of a file, ``.json`` or ``.json.gz``; None for one of another kind. Raises
    ScoutError: E201 unreadable, E202 too large, E203 no JSON.
    """
    if not path.is_file() or not path.name.lower().endswith((".json", ".json.gz")):
        return None
    found = _loaded(path)
    if isinstance(found, dict):
        found = found.get("entries")
    if not isinstance(found, list):
        return None
    structures = [isinstance(e, dict) and isinstance(e.get("structure"), dict) for e in found]
    return found if any(structures) else None


def read(path: Path, entries: list[Any]) -> Iterator[tuple[str, Structure | ScoutError]]:
    """(entry id, structure or why there is none), in order.

    Numbers and symbols are read by hand: pymatgen's own decoder would import whatever classes the
    file names.
    """
    for number, entry in enumerate(entries, start=1):
        id_ = str(
            (entry.get("entry_id") if isinstance(entry, dict) else None) or f"{path.name}#{number}"
        )[:200]
        try:
            yield id_, _structure(id_, entry["structure"])
        except ScoutError as error:
            yield id_, error
        except ValueError as error:
            yield id_, ScoutError("E203", f"{id_} is not a readable entry: {squeezed(error)}")
        except Exception:  # what a stranger wrote can be of any shape
            yield id_, ScoutError("E203", f"{id_} has fields of other kinds than an entry has")


def _loaded(path: Path) -> Any:
    try:
        with (
            gzip.open(path, "rb")
            if path.name.lower().endswith(".gz")
            else path.open("rb") as stream
        ):
            data = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ScoutError(
            "E201", f"{path} cannot be read: {error}", "check that it exists and may be opened"
        ) from None
    if len(data) > MAX_BYTES:
        raise ScoutError("E202", f"{path} is larger than {MAX_BYTES >> 20} MiB", "split it")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ScoutError("E203", f"{path} is not readable JSON: {str(error)[:200]}") from None


def _structure(name: str, data: Any) -> Structure:
    found = plain_structure(data)
    if not found.is_ordered:
        raise ScoutError("E204", f"{name} is disordered")
    return found
