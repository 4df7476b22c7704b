"""Every session is kept as a file that `scout replay` runs again, written input by input, so that a
crash loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TextIO

from scoutlang.interfaces.repl.inputs import BELOW
from scoutlang.interfaces.repl.locks import locked
from scoutlang.interfaces.repl.transcript import written
from scoutlang.support.version import __version__

SUFFIX = ".scout-session"
KEPT = 200
"""Sessions; of more the oldest are deleted."""

_OPEN = ".open"
"""Behind the name of a session that has not ended: a file that its process holds a lock on."""

_TAIL = 1 << 16
"""Bytes at the end of a session that are looked through for its last input."""


class Recording:
    """A file of inputs, made with the first one. Where it cannot be written nothing is recorded,
    and that is no error.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: TextIO | None = None
        self._started = datetime.now()
        self._broken = False
        self.file: Path | None = None
        """Where the inputs are; None before the first one."""

    def add(self, text: str) -> None:
        """Append an input. It is called before the input is run, which may be the end of the
        process.
        """
        self._write(written(text))

    def below(self, lines: str) -> None:
        """Append lines that belong to the last input, each with its mark, as `written` has them."""
        self._write(f"{lines}\n")

    def close(self) -> None:
        """The session has ended, and not by an accident."""
        if self._lock is not None:
            with suppress(OSError):
                Path(self._lock.name).unlink()
            self._lock.close()
            self._lock = None

    def _write(self, text: str) -> None:
        if self._broken:
            return
        try:
            if self.file is None:
                self.file = self._begin()
            with self.file.open("a", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(text)
        except OSError:
            self._broken, self.file = True, None

    def _begin(self) -> Path:
        """A new file that says when and where. Two sessions may begin in one minute."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in sorted(self.folder.glob(f"*{SUFFIX}"))[: 1 - KEPT]:
            with suppress(OSError):
                old.unlink()
        name, number = f"{self._started:%Y-%m-%d-%H%M}", 1
        while True:
            file = self.folder / f"{name}{SUFFIX if number == 1 else f'-{number}{SUFFIX}'}"
            with suppress(FileExistsError):
                head = f"# scout {__version__}, {self._started:%Y-%m-%d %H:%M}, in {str(Path.cwd())!a}\n"
                with file.open("x", encoding="utf-8") as stream:
                    stream.write(head)
                mark = Path(f"{file}{_OPEN}")
                self._lock = locked(mark, "w")
                if self._lock is None:
                    mark.unlink(missing_ok=True)
                return file
            number += 1


def cut_off(folder: Path) -> Iterator[tuple[Path, str]]:
    """Sessions that came to no end of their own, oldest first, each with the first line of its last
    input. Each is told once, and none that still runs.
    """
    for mark in sorted(folder.glob(f"*{SUFFIX}{_OPEN}")):
        with suppress(OSError):
            lock = locked(mark, "a")
            if lock is None:
                continue
            mark.unlink()
            lock.close()
            file = Path(str(mark).removesuffix(_OPEN))
            with file.open("rb") as stream:
                stream.seek(max(0, file.stat().st_size - _TAIL))
                lines = stream.read().decode("utf-8", errors="replace").splitlines()
            last = next(
                (
                    line
                    for line in reversed(lines)
                    if line.strip() and not line.startswith((BELOW, "#"))
                ),
                "",
            )
            yield file, last.strip()
