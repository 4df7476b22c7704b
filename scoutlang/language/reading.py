"""Bytes → source text, with a clear message when they are no text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from scoutlang.ir.source import MAX_CHARACTERS, Source
from scoutlang.support.errors import ScoutError

# A character takes four bytes at most; a larger file is refused before it is read.
_MAX_BYTES = 4 * MAX_CHARACTERS


def read_source(path: str | Path) -> Source:
    """The program in a file. Raises `ScoutError` E001, E002 or E003."""
    name = str(path)
    try:
        with open(path, "rb") as file:
            return replace(read_stream(file, name), folder=Path(path).absolute().parent)
    except FileNotFoundError:
        raise ScoutError("E001", f"{name}: no such file", "check the path") from None
    except IsADirectoryError:
        raise ScoutError(
            "E001", f"{name} is a folder, not a program", "name a .scout file in it"
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ScoutError("E001", f"{name}: cannot be read ({reason})") from None


def read_stream(stream: BinaryIO, name: str) -> Source:
    """The program in a stream, which may be endless. Raises `ScoutError` E002 or E003."""
    return decode(stream.read(_MAX_BYTES + 1), name)


def decode(data: bytes, name: str) -> Source:
    """The program in some bytes, UTF-8 with or without a byte order mark. Raises `ScoutError` E002
    or E003.
    """
    if len(data) > _MAX_BYTES:
        raise ScoutError(
            "E003",
            f"{name}: the program is too large",
            f"at most {MAX_CHARACTERS} characters are read",
        )
    if b"\0" in data:
        raise ScoutError(
            "E002", f"{name}: this is a binary file, not a program", "a program is UTF-8 text"
        )
    try:
        return Source(name, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ScoutError(
            "E002", f"{name}: line {line} is not UTF-8 text", "save the file as UTF-8"
        ) from None
