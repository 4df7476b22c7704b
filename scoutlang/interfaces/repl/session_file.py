"""Every session is kept as a file that `scout replay` runs again, written input by input, so that a
crash loses nothing.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from scoutlang.interfaces.repl.inputs import written
from scoutlang.support.version import __version__

SUFFIX = ".scout-session"
KEPT = 200
"""Sessions; of more the oldest are deleted."""


class SessionFile:
    """A file of inputs, made with the first one. Where it cannot be written nothing is kept, and
    that is no error.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path: Path | None = None
        """Where the inputs are; None before the first one."""
        self._started = datetime.now()
        self._broken = False

    def add(self, text: str) -> None:
        """Append an input. It is called before the input is run, which may be the end of the
        process.
        """
        self._write(written(text))

    def add_below(self, lines: str) -> None:
        """Append lines that belong to the last input, each with its mark."""
        self._write(f"{lines}\n")

    def _write(self, text: str) -> None:
        if self._broken:
            return
        try:
            if self.path is None:
                self.path = self._begin()
            with self.path.open("a", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(text)
        except OSError:
            self._broken, self.path = True, None

    def _begin(self) -> Path:
        """A new file that says when and where. Two sessions may begin in one minute."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in sorted(self.folder.glob(f"*{SUFFIX}"))[: 1 - KEPT]:
            with suppress(OSError):
                old.unlink()
        where = f"in {str(Path.cwd())!a}"
        head = f"# scout {__version__}, {self._started:%Y-%m-%d %H:%M}, {where}\n"
        name, number = f"{self._started:%Y-%m-%d-%H%M}", 1
        while True:
            path = self.folder / f"{name}{'' if number == 1 else f'-{number}'}{SUFFIX}"
            with suppress(FileExistsError), path.open("x", encoding="utf-8") as stream:
                stream.write(head)
                return path
            number += 1
