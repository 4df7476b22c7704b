"""Files that say a process lives: the system takes their locks away when it ends, however it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TextIO


def locked(file: Path, mode: Literal["w", "a"]) -> TextIO | None:
    """The file, open, with a lock that the system takes away when this process ends; None where
    another one has it, or there are no such locks.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    stream = file.open(mode, encoding="utf-8")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held by another one, or a file system without locks
        stream.close()
        return None
    return stream
