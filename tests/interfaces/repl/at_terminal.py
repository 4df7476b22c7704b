"""A person at a terminal, who types and waits for what appears."""

from __future__ import annotations

import queue
import re
import signal
import sys
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyte
from processes import LONG, environment
from ptyprocess import PtyProcessUnicode

from scoutlang.interfaces.repl.interpreter import PROMPT

_ESCAPE = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[()=>].?)")
_HALF_AN_ESCAPE = re.compile(r"\x1b(\[[0-9;?]*[ -/]*|\][^\x07]*|[()]?)$")
_LINES = 30
_AGAIN = 0.05  # seconds; that a terminal takes keys one by one is told by nothing that it writes


class _Screen(pyte.Screen):
    """Answers the question where the cursor is, as terminals do."""

    def __init__(self, columns: int, answer: Callable[[str], object]) -> None:
        super().__init__(columns, _LINES)
        self._answer = answer

    def write_process_input(self, data: str) -> None:
        self._answer(data)


class Terminal:
    """`scout` in a pseudo-terminal of its own. Threads read what it writes and hand on what is
    typed, so that neither side ever waits for room.
    """

    def __init__(self, data: Path, columns: int = 100, **more: str) -> None:
        """data: where it keeps its files; it works in the folder above. more: environment."""
        unwanted = ("NO_COLOR", "FORCE_COLOR", "COLUMNS")
        settings = {"TERM": "xterm", "PYTHONIOENCODING": "utf-8", "SCOUT_DATA": str(data)}
        ours = environment({**settings, **more})
        self._process = PtyProcessUnicode.spawn(
            [sys.executable, "-m", "scoutlang"],
            env={
                name: value for name, value in ours.items() if name not in unwanted or name in more
            },
            dimensions=(_LINES, columns),
            cwd=str(data.parent),
        )
        self._keys: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._screen = _Screen(columns, self._keys.put)
        self._stream = pyte.Stream(self._screen)
        self._changed = threading.Condition()
        self._ended = False
        self._half = ""
        self._from = 0
        self.seen = ""
        """All that it wrote."""
        self._plain = ""
        """The same without escapes."""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        threading.Thread(target=self._write, daemon=True).start()
        self.ready()

    def send(self, keys: str) -> None:
        self._from = len(self._plain)
        self._keys.put(keys)

    def type(self, keys: str, wait: str) -> str:
        """Type, and wait for a text."""
        self.send(keys)
        return self.wait(wait)

    def enter(self, line: str, wait: str) -> str:
        """Type an input at the prompt, and wait for a text."""
        self.ready()
        return self.type(f"{line}\r", wait)

    def wait(self, text: str) -> str:
        """Everything that appeared up to that text, since the last key or the last text that was
        waited for, without escapes.
        """
        self._until(lambda: text in self._plain[self._from :], repr(text))
        begin, end = self._from, self._plain.index(text, self._from) + len(text)
        self._from = end
        return self._plain[begin:end]

    def ready(self) -> None:
        """Wait for an empty prompt with the cursor behind it, where keys come as they are."""
        self._until(self._at_prompt, "empty prompt")

    def interrupt(self) -> None:
        """Ctrl-C, by the signal, whatever the terminal makes of the key."""
        self._from = len(self._plain)
        self._process.kill(signal.SIGINT)

    def leave(self) -> int:
        """Ctrl-D at an empty prompt; the exit code."""
        self.ready()
        self.send("\x04")
        self._until(lambda: self._ended, "end")
        return int(self._process.wait())

    def close(self) -> None:
        if self._process.isalive():
            self._process.kill(signal.SIGKILL)
        self._reader.join(LONG)
        self._process.close(force=True)

    def press(self, keys: str, line: str) -> None:
        """Press keys, and wait until the line at the cursor ends with that."""
        self.send(keys)
        self._until(lambda: self._line()[0].endswith(line), repr(line))

    def _line(self) -> tuple[str, str]:
        """What stands before the cursor and behind it."""
        cursor, columns = self._screen.cursor, range(self._screen.columns)
        line = "".join(self._screen.buffer[cursor.y][column].data for column in columns)
        return line[: cursor.x], line[cursor.x :]

    def _at_prompt(self) -> bool:
        by_lines = termios.tcgetattr(self._process.fd)[3] & termios.ICANON
        before, behind = self._line()
        return before == PROMPT and not behind.strip() and not by_lines

    def _until(self, happened: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + LONG
        with self._changed:
            while not happened():
                if self._ended or time.monotonic() > end:
                    raise AssertionError(f"no {what} in {self._plain[self._from :]!r}")
                self._changed.wait(_AGAIN)

    def _write(self) -> None:
        with suppress(OSError):
            while True:
                self._process.write(self._keys.get())

    def _read(self) -> None:
        while not self._ended:
            try:
                new = self._process.read(4096)
            except EOFError:
                new = ""
            with self._changed:
                self._ended = not new
                self.seen += new
                self._stream.feed(new)
                text = self._half + new
                half = _HALF_AN_ESCAPE.search(text)
                self._half = half[0] if half else ""
                self._plain += _ESCAPE.sub("", text.removesuffix(self._half))
                self._changed.notify_all()


def script(file: Path, text: str) -> Path:
    """A program that somebody might have chosen."""
    file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    file.chmod(0o755)
    return file
