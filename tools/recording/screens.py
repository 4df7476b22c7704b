"""What a terminal shows while a recording is played, by the terminal emulator pyte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice, pairwise
from typing import NamedTuple

import pyte
from pyte.screens import Char

from tools.recording.cast import Cast, Event

_HISTORY = 10_000  # lines
_BURST = 0.02  # seconds; what comes within them belongs together, as a line that is drawn anew


class Run(NamedTuple):
    """Neighbouring characters of one look."""

    column: int
    text: str
    color: str
    """A name of pyte's or six hexadecimal digits."""
    background: str
    """As the colour."""
    bold: bool


Line = tuple[Run, ...]


@dataclass(frozen=True)
class Screen:
    """What the terminal shows at a moment."""

    time: float
    """Since when it is so, in seconds."""
    lines: tuple[Line, ...]
    """All since the beginning, also those that went out at the top."""
    gone: int
    """How many went out at the top."""
    cursor: tuple[int, int] | None
    """Its line, counted as ``lines``, and its column; None where it is hidden."""


def screens(cast: Cast) -> Iterator[Screen]:
    """One after each burst of output."""
    columns, rows = cast.size
    screen = pyte.HistoryScreen(columns, rows, history=_HISTORY)
    stream = pyte.Stream(screen)
    gone: list[Line] = []
    shown: list[Line] = [()] * rows
    outputs = [event for event in cast.events if event.kind == "o"]
    for event, after in pairwise([*outputs, Event(float("inf"), "o", "")]):
        stream.feed(event.data)
        if after.time - event.time >= _BURST:
            gone += [_line(row, columns) for row in islice(screen.history.top, len(gone), None)]
            for y in screen.dirty:
                shown[y] = _line(screen.buffer[y], columns)
            screen.dirty.clear()
            cursor = (
                None if screen.cursor.hidden else (len(gone) + screen.cursor.y, screen.cursor.x)
            )
            yield Screen(event.time, (*gone, *shown), len(gone), cursor)


def transcript(last: Screen) -> str:
    """All that stands in the terminal, from the first line on."""
    return "\n".join(map(text, last.lines)).rstrip() + "\n"


def text(line: Line) -> str:
    """What it reads."""
    columns = 0
    parts = []
    for run in line:
        parts += [" " * (run.column - columns), run.text]
        columns = run.column + len(run.text)
    return "".join(parts).rstrip()


def _line(row: dict[int, Char], width: int) -> Line:
    runs = []
    # all but the character
    for _, group in groupby(enumerate(row[x] for x in range(width)), key=lambda cell: cell[1][1:]):
        cells = list(group)
        column, look = cells[0]
        said = "".join(char.data for _, char in cells)
        color, background = (look.bg, look.fg) if look.reverse else (look.fg, look.bg)
        if said.strip() or background != "default":
            runs.append(Run(column, said, color, background, look.bold))
    return tuple(runs)
