"""Every session is kept as a file that `scout replay` runs again, written input by input, so that a crash loses nothing."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path

import scoutlang
from scoutlang.repl.transcript import written

SUFFIX = ".scout-session"
KEPT = 200
"""Sessions; of more the oldest are deleted."""


class Recording:
    """A file of inputs, made with the first one. Where it cannot be written nothing is recorded, and that is no error."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started = datetime.now()
        self._broken = False
        self.file: Path | None = None
        """Where the inputs are; None before the first one."""

    def add(self, text: str) -> None:
        """Append an input."""
        if self._broken:
            return
        try:
            if self.file is None:
                self.file = self._begin()
            with self.file.open("a", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(written(text))
        except OSError:
            self._broken, self.file = True, None

    def _begin(self) -> Path:
        """A new file that says when and where. Two sessions may begin in one minute."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in sorted(self._folder.glob(f"*{SUFFIX}"))[: 1 - KEPT]:
            with suppress(OSError):
                old.unlink()
        name, number = f"{self._started:%Y-%m-%d-%H%M}", 1
        while True:
            file = self._folder / f"{name}{SUFFIX if number == 1 else f'-{number}{SUFFIX}'}"
            with suppress(FileExistsError):
                head = f"# scout {scoutlang.__version__}, {self._started:%Y-%m-%d %H:%M}, in {str(Path.cwd())!a}\n"
                with file.open("x", encoding="utf-8") as stream:
                    stream.write(head)
                return file
            number += 1
