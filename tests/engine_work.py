"""Work for the workers of an engine: functions of a module that another process can import."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def squares(items: Sequence[int], tell: Callable[[Any], None]) -> list[int]:
    for item in items:
        tell(item)
    return [item * item for item in items]


def deadly(
    deadly_ones: frozenset[int], items: Sequence[int], tell: Callable[[Any], None]
) -> list[int]:
    """Killed at some items, however often they are tried."""
    for item in items:
        if item in deadly_ones:
            os.kill(os.getpid(), signal.SIGKILL)
    return [item * item for item in items]


def deadly_once(folder: str, items: Sequence[int], tell: Callable[[Any], None]) -> list[int]:
    """Killed at each item the first time."""
    for item in items:
        mark = Path(folder) / str(item)
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return [item * item for item in items]


def failing(items: Sequence[int], tell: Callable[[Any], None]) -> list[int]:
    raise ValueError(f"no {items[0]}")


class Strange(Exception):
    """It cannot be read again: it is made of two things, and pickle gives it one."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")


def failing_strangely(items: Sequence[int], tell: Callable[[Any], None]) -> list[int]:
    raise Strange("a", "b")


def chatty(items: Sequence[int], tell: Callable[[Any], None]) -> list[int]:
    sys.stdout.write("a library that prints\n")
    os.write(1, b"and one that writes past Python\n")
    return list(items)


def sleeping(seconds: float, items: Sequence[int], tell: Callable[[Any], None]) -> list[int]:
    """So long for each item."""
    for _ in items:
        time.sleep(seconds)
    return list(items)


def announced(folder: str, items: Sequence[int], tell: Callable[[Any], None]) -> list[int]:
    """Leaves the number of its process, and sleeps for ever."""
    (Path(folder) / f"{os.getpid()}.pid").touch()
    time.sleep(3600)
    return list(items)


def where(items: Sequence[int], tell: Callable[[Any], None]) -> list[tuple[int, str, str]]:
    """The process, its working folder on its path or not, and its threads."""
    return [(os.getpid(), str("" in sys.path), os.environ["OMP_NUM_THREADS"]) for _ in items]
