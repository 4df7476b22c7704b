"""From a source to a stored set: find out what the source is, take what can be used, count the rest
with its reasons.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scoutlang.crystals.io import MAX_ATOMS, as_structure, read_structures
from scoutlang.crystals.optimade import to_structure
from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.support.errors import ScoutError
from scoutlang.support.version import __version__
from scoutlang.validation.reference import entries, materials_project, optimade, store
from scoutlang.validation.reference.fetching import said
from scoutlang.validation.reference.structures import ReferenceStructure

MAX_ELEMENTS = 8
"""255 sub-systems: each is a query."""
UNSTATED = "not stated"

# What a crystal of a source may lack, by the code of its error, in a word.
_REASONS = {
    "E201": "cannot be opened",
    "E202": "file too large",
    "E203": "not readable",
    "E204": "disordered, or not of known elements",
    "E205": "unknown kind of file",
    "E206": "not periodic, or its cell is degenerate",
    "E207": "no structure inside",
    "E208": "too many atoms for any use",
    "E211": "symmetry not understood",
    "E212": "not the crystal that the file names",
}

Found = Iterable[tuple[str, Any]]
"""(id, structure or the ScoutError in its place)."""


Skipped = dict[str, dict[str, Any]]
"""What was left out: reason → ``count``, and the name of the ``first``."""


def add(
    name: str,
    source: str,
    *,
    elements: Sequence[str] = (),
    max_atoms: int | None = None,
    licence: str = "",
    citation: str = "",
    replace: bool = False,
    progress: Callable[[str], None] = lambda text: None,
    client: Callable[[str], optimade.Client] = optimade.Client,
) -> dict[str, Any]:
    """Store the crystals of ``source`` as the reference set ``name``; what its ``about.json`` says
    is returned.

    ``source``: a provider of `optimade.PROVIDERS`, an OPTIMADE base URL, ``mp-api``, a file, folder
    or zip of structures, or a JSON list of ComputedStructureEntry. ``elements`` limits it to one
    chemical system with all its sub-systems. Raises ScoutError E201-E203, E460-E468.
    """
    store.check_free(name, replace=replace)
    unknown = [e for e in elements if e not in ATOMIC_NUMBER]
    if unknown or len(elements) > MAX_ELEMENTS:
        why = (
            f"{', '.join(unknown)} is no element"
            if unknown
            else f"a system of {len(elements)} elements is too large"
        )
        hint = f"give up to {MAX_ELEMENTS} elements joined by hyphens: --elements Cu-Si-P"
        raise ScoutError("E462", why, hint)
    elements = tuple(sorted(set(elements)))
    skipped: Skipped = {}
    messages: dict[str, str] = {}
    provider = optimade.PROVIDERS.get(source)
    url = provider.base_url if provider else source
    try:
        address = urlsplit(url)
        host, _ = address.hostname, address.port
    except ValueError:
        raise _no_address(source) from None
    online = source == "mp-api" or address.scheme in ("http", "https")
    if online and not elements:
        hint = "say which chemical system to take: --elements Cu-Si-P"
        raise ScoutError("E462", f"{source} is a whole database", hint)
    found: Found
    fetching: optimade.Client | None = None
    if source == "mp-api":
        provider, label = optimade.PROVIDERS["mp"], materials_project.SOURCE
        found = materials_project.documents(elements, max_atoms, progress)
    elif online:
        if not host or address.username is not None or not url.isprintable():
            raise _no_address(source)
        fetching, label = client(url), f"optimade/{source if provider else address.netloc}"
        found = ((e["id"], e) for e in fetching.entries(elements, max_atoms, progress))
    else:
        path = Path(source)
        if not path.exists():
            known = ", ".join((*optimade.PROVIDERS, "mp-api"))
            raise ScoutError(
                "E462",
                f"'{source}' is no file, no folder and no database that is known by name",
                f"by name: {known}; or the base URL of an OPTIMADE server",
            )
        label = f"files/{name}"
        listed = entries.entries_of(path)
        found = _from_files(path) if listed is None else entries.read(path, listed)

    licence = licence or (provider.licence if provider else UNSTATED)
    citation = citation or (provider.citation if provider else UNSTATED)
    kept = [
        ReferenceStructure(id_, label, structure, citation, licence)
        for id_, structure in _usable(found, elements, max_atoms, skipped, messages)
    ]
    if not kept:
        why = "; ".join(
            f"{reason}: {counted['count']} ({said(messages.get(reason, counted['first']))})"
            for reason, counted in skipped.items()
        )
        raise ScoutError(
            "E466",
            f"no crystal of {source} can be used" + (f": {why}" if why else ""),
            "check the elements and the limit of atoms",
        )
    about = {
        "source": source if not provider or source == "mp-api" else f"{source} ({url})",
        "query": {"elements": "-".join(elements) or None, "max_atoms": max_atoms},
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "licence": licence,
        "citation": citation,
        "skipped": skipped,
        "notes": fetching.notes if fetching else [],
        "scoutlang": __version__,
    }
    stored = store.save(name, kept, about, replace=replace)
    if fetching:
        fetching.forget(elements, max_atoms)
    return stored


def _no_address(source: str) -> ScoutError:
    hint = "for example https://alexandria.icams.rub.de/pbe"
    return ScoutError("E462", f"{said(source)} is not the address of a server", hint)


def _from_files(path: Path) -> Iterator[tuple[str, Any]]:
    """The structures of files, with names relative to ``path``."""
    for item in read_structures(path):
        if isinstance(item, ScoutError):
            yield item.message, item
        else:
            if item.lacking:
                yield item.name, ScoutError("E212", f"{item.name} is not whole: {item.lacking}")
                continue
            inside = item.name.removeprefix(str(path)).lstrip("/")
            yield (
                inside if inside and not inside.startswith("#") else f"{path.name}{inside}",
                item.structure,
            )


def _usable(
    found: Found,
    elements: Sequence[str],
    max_atoms: int | None,
    skipped: Skipped,
    messages: dict[str, str],
) -> Iterator[tuple[str, Any]]:
    """What can be used. skipped, messages: take the rest, and the error of the first of each
    reason.
    """
    seen: set[str] = set()
    for id_, item in found:
        try:
            if isinstance(item, ScoutError):
                raise item
            structure = as_structure(
                to_structure(item, id_, MAX_ATOMS) if isinstance(item, dict) else item, id_
            )
        except ScoutError as error:
            reason = _REASONS.get(error.code, error.message)
            messages.setdefault(reason, error.message)
        else:
            reason = ""
            if id_ in seen:
                reason = "the same id again"
            elif elements and not structure.composition.chemical_system_set <= set(elements):
                reason = "other elements"
            elif max_atoms and len(structure) > max_atoms:
                reason = f"more than {max_atoms} atoms"
            else:
                seen.add(id_)
                yield id_, structure
        if reason:
            skipped.setdefault(reason, {"count": 0, "first": id_})["count"] += 1
