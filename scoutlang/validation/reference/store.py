"""Where reference sets are kept: ``mp-mini`` in the package, own sets in the data folder, one
folder for each.

``$SCOUT_DATA``, else ``$XDG_DATA_HOME/scoutlang``, else ``~/.local/share/scoutlang``; in it
``references/NAME/`` with the crystals (``structures.parquet``) and what is to be said about them
(``about.json``). A set appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scoutlang.support.errors import ScoutError, squeezed
from scoutlang.support.files import file_digest
from scoutlang.support.resources import data_folder
from scoutlang.validation.reference.structures import ReferenceStructure
from scoutlang.validation.reference.table import SCHEMA, Reference, rows, to_table

EMBEDDED = ("mp-mini",)

_STRUCTURES, _ABOUT = "structures.parquet", "about.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def references_folder() -> Path:
    """Where own sets live; the folder need not exist."""
    return data_folder() / "references"


def check_new_name(name: str) -> None:
    """Raises ScoutError E460 for a name that no own set can have."""
    if name in EMBEDDED:
        hint = f"choose another name, for example my-{name}"
        raise ScoutError("E460", f"'{name}' is the embedded set and stays as it is", hint)
    if not _NAME.fullmatch(name):
        raise ScoutError(
            "E460",
            f"{name!r} cannot be the name of a reference set",
            "letters, digits, - and _, at most 64 of them: alexandria-CuSiP",
        )


def known_names() -> list[str]:
    """The embedded sets, then own ones in alphabetical order."""
    try:
        own = sorted(
            p.name
            for p in references_folder().iterdir()
            if _NAME.fullmatch(p.name) and (p / _ABOUT).is_file()
        )
    except OSError:
        own = []
    return [*EMBEDDED, *own]


def load_one(name: str) -> Reference:
    """One set. Raises ScoutError: E441 unknown, E465 its files are damaged or do not belong
    together.
    """
    content, about = _content(name), describe(name)
    version = hashlib.sha256(content).hexdigest()
    if version != about.get("sha256"):
        raise _damaged(
            name,
            f"the reference set '{name}' is damaged: its crystals are not those that were stored",
        )
    try:
        table = pq.read_table(pa.BufferReader(content))
    except pa.ArrowException as error:
        raise _damaged(name, f"the reference set '{name}' cannot be read: {error}") from None
    return Reference(name, version, table, about)


def describe(name: str) -> dict[str, Any]:
    """What is known about a set: source, query, date, licence, citation, count, skipped, sha256.
    Raises ScoutError E441 or E465.
    """
    file = _file(name, _ABOUT)
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(name, f"{file} cannot be read: {error}") from None
    if not isinstance(about, dict):
        raise _damaged(name, f"{file} does not describe a reference set")
    return about


def save(
    name: str,
    structures: Iterable[ReferenceStructure],
    about: Mapping[str, Any],
    *,
    replace: bool = False,
    beside: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Store a set and return its description with ``count`` and ``sha256``. beside: names and texts
    of further files of the set, whose hashes the description keeps under the same word.

    Raises ScoutError: E460 bad name, E461 it exists, E467 the data folder cannot be written.
    """
    check_free(name, replace=replace)
    folder = references_folder()
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        # Beside its place, so that the last step is a rename.
        with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=folder) as temporary:
            new, old = Path(temporary) / "new", Path(temporary) / "old"
            new.mkdir()
            table = to_table(structures)
            pq.write_table(table, new / _STRUCTURES, compression="zstd")
            sha256 = hashlib.sha256((new / _STRUCTURES).read_bytes()).hexdigest()
            complete = {"name": name, **about, "count": table.num_rows, "sha256": sha256}
            for file, text in (beside or {}).items():
                (new / file).write_text(text, encoding="utf-8")
                complete.setdefault("beside", {})[file] = file_digest(new / file)
            (new / _ABOUT).write_text(
                json.dumps(complete, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
            )
            if replace and (folder / name).exists():
                (folder / name).rename(old)
            new.rename(folder / name)
    return complete


def check_free(name: str, *, replace: bool) -> None:
    """Raises ScoutError E460 for a bad name, E461 for one that is taken."""
    check_new_name(name)
    if not replace and (references_folder() / name).exists():
        raise ScoutError(
            "E461",
            f"there is a reference set '{name}' already",
            "choose another name, or say --replace",
        )


def remove(name: str) -> None:
    """Delete an own set. Raises ScoutError: E441 unknown, E460 an embedded one, E467 it cannot be
    deleted.
    """
    check_new_name(name)
    folder = _file(name, _ABOUT)
    assert isinstance(folder, Path)
    with writing(folder.parent):
        shutil.rmtree(folder.parent)


def damages(name: str) -> Iterator[str]:
    """What is wrong with a stored set, read row by row; nothing when it is sound. Raises ScoutError
    E441 for an unknown name.
    """
    try:
        content, about = _content(name), describe(name)
    except ScoutError as error:
        if error.code == "E441":
            raise
        yield error.message
        return
    if hashlib.sha256(content).hexdigest() != about.get("sha256"):
        yield f"{_STRUCTURES} has another SHA-256 than when it was stored"
    for file, digest in about.get("beside", {}).items():
        try:
            changed = file_digest(references_folder() / name / file) != digest
        except OSError as error:
            yield f"{file} cannot be read: {error.strerror or error}"
        else:
            if changed:
                yield f"{file} has another SHA-256 than when it was stored"
    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError) as error:
        yield f"{_STRUCTURES} cannot be read: {error}"
        return
    if not table.schema.equals(SCHEMA):
        yield f"{_STRUCTURES} has other columns than a reference set"
        return
    if table.num_rows != about.get("count"):
        yield f"{table.num_rows} crystals, not {about.get('count')}"
    for number in range(table.num_rows):
        row = table.slice(number, 1)
        try:
            if not to_table(rows(row)).select(_IDENTITY).equals(row.select(_IDENTITY)):
                yield f"row {number}: the crystal is not of the formula that is written beside it"
        except Exception as error:  # a damaged row can raise anything in pymatgen
            yield f"row {number}: {squeezed(error)}"


_IDENTITY = ["id", "formula", "chemsys", "num_atoms", "numbers"]


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises ScoutError E467 where the data folder refuses what is done at ``path``."""
    try:
        yield
    except OSError as error:
        raise ScoutError(
            "E467",
            f"{path} cannot be written: {error.strerror or error}",
            "free space there, or choose another folder with SCOUT_DATA",
        ) from None


def _content(name: str) -> bytes:
    file = _file(name, _STRUCTURES)
    try:
        return file.read_bytes()
    except OSError as error:
        raise _damaged(name, f"{file} cannot be read: {error.strerror or error}") from None


def _file(name: str, file: str) -> Traversable:
    """One of the two files of a set that is known. Raises ScoutError E441."""
    names = known_names()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        guess = f"did you mean {near[0]}? " if near else ""
        raise ScoutError(
            "E441",
            f"unknown reference set '{name}'",
            f"{guess}known reference sets: {', '.join(names)}; `scout reference add` makes others",
        )
    if name in EMBEDDED:
        return (
            files(__package__)
            / "data"
            / (f"{name}.parquet" if file == _STRUCTURES else f"{name}.json")
        )
    return references_folder() / name / file


def _damaged(name: str, why: str) -> ScoutError:
    hint = (
        "install scoutlang again"
        if name in EMBEDDED
        else f"`scout reference verify {name}` says more; add it again with --replace"
    )
    return ScoutError("E465", why, hint)
