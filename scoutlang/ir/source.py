"""Source text and spans, to which every later stage points back."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

MAX_CHARACTERS = 2_000_000
"""The longest program that is read."""


class Span(NamedTuple):
    """Half-open character range ``[start, end)`` in one `Source`."""

    start: int
    end: int

    def cover(self, other: Span) -> Span:
        """The smallest span that holds both."""
        return Span(min(self.start, other.start), max(self.end, other.end))


@dataclass(frozen=True)
class Source:
    """A named program text."""

    name: str
    """A path, ``<stdin>`` or ``<text>``."""
    text: str
    folder: Path | None = None
    """Where the files are that it refers to, if anywhere."""
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """Offset of the first character of each line."""

    def __post_init__(self) -> None:
        starts = [0]
        starts.extend(i + 1 for i, c in enumerate(self.text) if c == "\n")
        object.__setattr__(self, "_starts", tuple(starts))

    def line_col(self, offset: int) -> tuple[int, int]:
        """1-based line and column of a character offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Text of a 1-based line, without its line end."""
        start = self._starts[number - 1]
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r")

    def slice(self, span: Span) -> str:
        return self.text[span.start : span.end]
