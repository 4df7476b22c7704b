"""Files that appear whole or not at all, their digests, and JSON from strangers."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def cell(text: str) -> str:
    """Text for a cell of a CSV file: a spreadsheet would compute what begins like a formula, and
    names come from strangers.
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def file_digest(file: Path) -> str:
    """SHA-256 of what is in it. Raises OSError."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_whole(target: Path, writer: Callable[[Path], object]) -> Path:
    """``writer`` fills a file beside ``target``, which is then moved there: a reader never sees
    half a file. Raises OSError.
    """
    # two commands may work on one folder
    temporary = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        writer(temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def whole_lines(file: Path) -> list[bytes]:
    """The lines of a file that grows by lines, without one that an interruption cut off. Raises
    OSError.
    """
    return file.read_bytes().split(b"\n")[:-1]


def drop_cut_line(file: Path) -> None:
    """Take out of it the line that an interruption cut off. Raises OSError."""
    if file.exists():
        os.truncate(file, file.read_bytes().rfind(b"\n") + 1)


def write_json(target: Path, data: Any) -> Path:
    """Raises OSError."""
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    return write_whole(target, lambda path: path.write_text(text, encoding="utf-8"))


def read_json(file: Path, most: int) -> Any:
    """What is in a file of at most ``most`` bytes. Raises OSError; ValueError where it is larger or
    holds no JSON.
    """
    if file.stat().st_size > most:
        raise ValueError(f"it is larger than {most >> 20} MB")
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError("it is no JSON") from error
