"""Recordings of a terminal as text: asciicast of version 2, a header and one event per line
(https://docs.asciinema.org/manual/asciicast/v2/).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Kind = Literal["o", "i", "m"]
"""The terminal received data, a key was pressed, a caption begins."""


class Event(NamedTuple):
    time: float
    """Seconds since the beginning."""
    kind: Kind
    data: str


@dataclass(frozen=True)
class Cast:
    """A recording."""

    header: dict[str, Any]
    """`version`, `width` and `height` in characters, and what else there is to say."""
    events: tuple[Event, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        return self.header["width"], self.header["height"]

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.events[-1].time


def dump(cast: Cast) -> str:
    rows = [cast.header, *([round(event.time, 3), event.kind, event.data] for event in cast.events)]
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def load(text: str) -> Cast:
    """Raises ValueError where it is no asciicast of version 2."""
    header, *rows = map(json.loads, text.split("\n")[:-1])
    if header["version"] != 2:
        raise ValueError(f"an asciicast of version {header['version']}")
    return Cast(header, tuple(Event(time, kind, data) for time, kind, data in rows))
