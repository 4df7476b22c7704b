"""Files that appear whole or not at all, their digests, and files from strangers, which are read
only as far as a bound, and only where they are regular: a pipe or a device may have no end.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

_LONE = re.compile("[\ud800-\udfff]")


def cell(text: str) -> str:
    """Text for a cell of a CSV file: a spreadsheet would compute what begins like a formula, and
    names come from strangers.
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def followed(path: Path) -> Path:
    """The path with links followed; a link that leads to itself stays as it is, and is no file.
    Raises ValueError for what can be no path.
    """
    return Path(os.path.realpath(path))


def file_digest(file: Path) -> str:
    """SHA-256 of what is in it. Raises OSError."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_whole(target: Path, writer: Callable[[Path], object]) -> Path:
    """``writer`` fills a file beside ``target``, which is then moved there: a reader never sees
    half a file, and a link that stands at ``target`` is replaced, not followed. Raises OSError.
    """
    # A new file under a name that nobody can prepare: folders of strangers hold links, too.
    name = f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.partial"
    temporary = target.with_name(name)
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        writer(temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


PARTIAL = re.compile(r"\.(.+?)\.(\d+)(?:\.[0-9a-f]{8})?\.partial")
"""A name that `write_whole` gives, now or in earlier versions: the file, and the process."""


def write_named(target: Path, text: str) -> Path:
    """Text into a file that the user has named: whole, and to where a link leads. What is there and
    no regular file, such as /dev/stdout, is written into. Raises OSError.
    """
    if target.exists() and not target.is_file():
        with target.open("w", encoding="utf-8") as stream:
            stream.write(text)
    else:
        write_whole(followed(target), lambda path: path.write_text(text, encoding="utf-8"))
    return target


def read_bounded(file: Path, most: int) -> bytes:
    """What is in a regular file of at most ``most`` bytes. Raises OSError; ValueError where it is
    larger, or is a pipe, a device or a folder.
    """
    # a pipe without a writer would hold a plain open for ever
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with open(descriptor, "rb") as stream:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is no regular file")
        if found.st_size > most:
            raise ValueError(_larger(most))
        data = stream.read(most + 1)
    if len(data) > most:
        raise ValueError(_larger(most))
    return data


def _larger(most: int) -> str:
    return f"it is larger than {most >> 20} MB" if most >> 20 else f"it is larger than {most} bytes"


def whole_lines(file: Path, most: int) -> list[bytes]:
    """The lines of a file that grows by lines, without one that an interruption cut off. Raises
    OSError, and ValueError as `read_bounded`.
    """
    return read_bounded(file, most).split(b"\n")[:-1]


def drop_cut_line(file: Path, most: int) -> None:
    """Take out of it the line that an interruption cut off. A link is no such file, and stays as it
    is. Raises OSError, and ValueError as `read_bounded`.
    """
    if file.is_file() and not file.is_symlink():
        os.truncate(file, read_bounded(file, most).rfind(b"\n") + 1)


def write_json(target: Path, data: Any) -> Path:
    """Raises OSError."""
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    return write_whole(target, lambda path: path.write_text(text, encoding="utf-8"))


def read_json(file: Path, most: int) -> Any:
    """What is in a regular file of at most ``most`` bytes; characters that are none (lone halves of
    a pair) are U+FFFD. Raises OSError; ValueError where it is larger or holds no JSON.
    """
    return parsed_json(read_bounded(file, most))


def parsed_json(data: bytes) -> Any:
    """JSON from strangers, as `read_json` reads it. Raises ValueError."""
    try:
        found = json.loads(data.decode("utf-8-sig"))
        return _encodable(found) if b"\\u" in data else found
    except (ValueError, RecursionError) as error:
        raise ValueError("it is no JSON") from error


def _encodable(data: Any) -> Any:
    if isinstance(data, str):
        return _LONE.sub("\N{REPLACEMENT CHARACTER}", data)
    if isinstance(data, dict):
        return {_encodable(key): _encodable(value) for key, value in data.items()}
    return [_encodable(value) for value in data] if isinstance(data, list) else data
