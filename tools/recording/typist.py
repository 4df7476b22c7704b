"""Somebody at a terminal: types a script into the REPL, waits for each answer, reads it. What the
terminal receives is recorded.
"""

from __future__ import annotations

import math
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pexpect
import pyte

from scoutlang.interfaces.repl.interpreter import MORE, PROMPT
from tools.recording.cast import Event, Kind
from tools.recording.script import Input

COLUMNS, LINES = 100, 30
TERM = "xterm-256color"

_KEY, _KEY_SPREAD = 0.09, 0.4  # median seconds between keys, and the deviation of their logarithm
_READ, _READ_LINE, _READ_MOST = 1.5, 0.25, 6.0  # seconds for an answer: at least, per line, at most
_CAPTION = 1.2  # seconds to read it
_TAB = 0.8  # seconds to look at the menu
_QUIET = 0.3  # seconds without output before an answer is taken as whole
_PATIENCE = 900.0  # seconds
_MOST_TABS = 30


class _Emulator(pyte.HistoryScreen):
    """Answers the questions that programs ask their terminal, as where the cursor is."""

    def __init__(self, answer: Callable[[str], object]) -> None:
        super().__init__(COLUMNS, LINES, history=10_000)
        self._answer = answer

    def write_process_input(self, data: str) -> None:
        self._answer(data)

    @property
    def line(self) -> int:
        """Where the cursor is, counted from the first line that there was."""
        return len(self.history.top) + int(self.cursor.y)

    @property
    def before_cursor(self) -> str:
        return str(self.display[self.cursor.y][: self.cursor.x])

    @property
    def behind_cursor(self) -> str:
        return str(self.display[self.cursor.y][self.cursor.x :])


class Typist:
    """One session of the REPL, in a folder."""

    def __init__(self, folder: Path) -> None:
        dropped = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "COLORTERM")
        environment = {name: value for name, value in os.environ.items() if name not in dropped}
        self._child: Any = pexpect.spawn(
            sys.executable,
            ["-m", "scoutlang"],
            env={
                **environment,
                "TERM": TERM,
                "PYTHONIOENCODING": "utf-8",
                "SCOUT_DATA": str(folder / ".data"),
            },
            encoding="utf-8",
            dimensions=(LINES, COLUMNS),
            cwd=str(folder),
        )
        self._child.delaybeforesend = None
        self._screen = _Emulator(self._child.send)
        self._stream = pyte.Stream(self._screen)
        self._begin = time.monotonic()
        self._rhythm = random.Random(0)
        self.events: list[Event] = []

    def play(self, script: Sequence[Input]) -> None:
        """Type the script; its last input must end the session. Raises TimeoutError where an answer
        does not come.
        """
        self._wait_for(PROMPT)
        for one in script:
            if one.caption:
                self._record("m", one.caption)
                self._listen(_CAPTION)
            above = self._screen.line
            for line in one.lines[:-1]:
                self._type(line, one.tab_behind)
                self._press("\r")
                self._wait_for(MORE)
            self._type(one.lines[-1], one.tab_behind)
            self._listen(_READ)
            self._press("\r")
            if one is not script[-1]:
                self._wait_for(PROMPT)
                self._listen(min(_READ_MOST, _READ + _READ_LINE * (self._screen.line - above)))
        while not self._child.eof():
            self._listen(_QUIET)
        self._child.close()

    def _type(self, line: str, tab_behind: str) -> None:
        """Key by key, with Tab where the menu is to be used, until it has written what the line
        goes on with.
        """
        place = 0
        while place < len(line):
            self._press(line[place])
            place += 1
            if tab_behind and line[:place].endswith(tab_behind):
                place = self._choose(line, place)
                tab_behind = ""

    def _choose(self, line: str, place: int) -> int:
        """Up to where the line stands then."""
        for _ in range(_MOST_TABS):
            self._press("\t")
            self._listen(_TAB)
            typed = self._screen.before_cursor[len(PROMPT) :]
            if len(typed) > place and line.startswith(typed):
                return len(typed)
        raise TimeoutError(f"no {line[place:]!r} in the menu")

    def _press(self, key: str) -> None:
        self._listen(self._rhythm.lognormvariate(math.log(_KEY), _KEY_SPREAD))
        self._record("i", key)
        self._child.send(key)

    def _wait_for(self, prompt: str) -> None:
        """Until the cursor stands behind an empty prompt and nothing more comes."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            if (
                not self._listen(_QUIET)
                and self._screen.before_cursor == prompt
                and not self._screen.behind_cursor.strip()
            ):
                return
        raise TimeoutError("\n".join(self._screen.display))

    def _listen(self, seconds: float) -> bool:
        """Take what comes in that time; whether there was anything."""
        heard, end = False, time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                data = self._child.read_nonblocking(65536, timeout=left)
            except pexpect.TIMEOUT:
                break
            except pexpect.EOF:
                break
            heard = True
            self._record("o", data)
            self._stream.feed(data)
        return heard

    def _record(self, kind: Kind, data: str) -> None:
        self.events.append(Event(time.monotonic() - self._begin, kind, data))
