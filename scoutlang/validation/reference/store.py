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
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scoutlang.support.errors import ScoutError, squeezed
from scoutlang.support.files import file_digest, parsed_json, read_bounded
from scoutlang.support.resources import data_folder
from scoutlang.validation.reference.structures import ReferenceStructure
from scoutlang.validation.reference.table import SCHEMA, Reference, rows, to_table

EMBEDDED = ("mp-mini",)

_STRUCTURES, _ABOUT = "structures.parquet", "about.json"
MAX_ABOUT, MAX_STRUCTURES = 16 << 20, 2 << 30
"""Bytes of the two files of a set."""
MAX_CRYSTALS, MAX_MEMORY = 5_000_000, 4 << 30
"""Crystals of a set, and bytes that it may take unpacked: Alexandria's 4.5 million have a third of
it."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class _Skipped(BaseModel):
    model_config = ConfigDict(strict=True)

    count: Annotated[int, Field(ge=0, le=2**53)]
    first: str = ""


class _About(BaseModel):
    """What is read of about.json; a set may say more of itself."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    name: str = ""
    source: str | None = None
    date: str | None = None
    licence: str | None = None
    citation: str | None = None
    count: Annotated[int, Field(ge=0, le=2**53)] | None = None
    sha256: str | None = None
    skipped: dict[str, _Skipped] = {}
    beside: dict[str, str] = {}
    query: dict[str, Any] | None = None
    parts: list[dict[str, Any]] = []


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
        table = _table(content)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(name, f"the reference set '{name}' cannot be read: {error}") from None
    return Reference(name, version, table, about)


def describe(name: str) -> dict[str, Any]:
    """What is known about a set: source, query, date, licence, citation, count, skipped, sha256.
    Raises ScoutError E441 or E465.
    """
    file = _file(name, _ABOUT)
    try:
        data = parsed_json(_read(file, MAX_ABOUT))
        _About.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))[:60]
        what = f"`{where}`: {first['msg']}" if where else first["msg"]
        raise _damaged(name, f"{file} does not describe a reference set: {what}") from None
    except (OSError, ValueError) as error:
        raise _damaged(name, f"{file} cannot be read: {error}") from None
    about: dict[str, Any] = data
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
        if Path(file).name != file:
            yield f"{file[:60]} is no file of the set"
            continue
        try:
            changed = file_digest(references_folder() / name / file) != digest
        except OSError as error:
            yield f"{file} cannot be read: {error.strerror or error}"
        else:
            if changed:
                yield f"{file} has another SHA-256 than when it was stored"
    try:
        table = _table(content)
    except (pa.ArrowException, OSError, ValueError) as error:
        yield f"{_STRUCTURES} cannot be read: {error}"
        return
    if table.num_rows != about.get("count"):
        yield f"{table.num_rows} crystals, not {about.get('count')}"
    for number in range(table.num_rows):
        row = table.slice(number, 1)
        try:
            if not to_table(rows(row)).select(_IDENTITY).equals(row.select(_IDENTITY)):
                yield f"row {number}: the crystal is not of the formula that is written beside it"
            elif not all(
                np.isfinite(row[column][0].values.to_numpy()).all() for column in _NUMBERS
            ):
                yield f"row {number}: coordinates or cell vectors that are not finite"
        except Exception as error:  # a damaged row can raise anything in pymatgen
            yield f"row {number}: {squeezed(error)}"


_NUMBERS = ("frac", "lattice")
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
        return _read(file, MAX_STRUCTURES)
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise _damaged(name, f"{file} cannot be read: {why}") from None


def _read(file: Traversable, most: int) -> bytes:
    return read_bounded(file, most) if isinstance(file, Path) else file.read_bytes()


def _table(content: bytes) -> pa.Table:
    """The crystals, whose number, columns and size in memory are read from the end of the file
    before any is loaded. Raises pa.ArrowException, OSError, ValueError.
    """
    buffer = pa.BufferReader(content)
    file = pq.ParquetFile(buffer)
    if not file.schema_arrow.equals(SCHEMA):
        raise ValueError("it has other columns than a reference set")
    facts = file.metadata
    if facts.num_rows > MAX_CRYSTALS:
        raise ValueError(f"it has {facts.num_rows} crystals, more than {MAX_CRYSTALS}")
    size = 0
    for group in range(facts.num_row_groups):
        columns = facts.row_group(group)
        for place in range(columns.num_columns):
            column = columns.column(place)
            # run lengths and dictionaries say a value many times in a few bytes
            size += max(column.total_uncompressed_size, 8 * column.num_values)
    if size > MAX_MEMORY:
        raise ValueError(f"it would take more than {MAX_MEMORY >> 20} MB of memory")
    table = file.read()
    table.validate(full=True)  # lengths, indices and UTF-8 are what they say
    if empty := [name for name in table.column_names if table[name].null_count]:
        raise ValueError(f"its column `{empty[0]}` has gaps")
    return table


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
