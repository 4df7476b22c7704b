"""Places of a text as the Language Server Protocol counts them: lines and UTF-16 code units, from
0.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from scoutlang.language.diagnostics.render.shared import utf16_units

_LINE_END = re.compile(r"\r\n|\n|\r")  # the protocol knows these three


class Positions:
    """Between character offsets of one text and positions ``(line, character)`` of the protocol."""

    def __init__(self, text: str) -> None:
        ends = list(_LINE_END.finditer(text))
        self._text = text
        self._starts = [0, *(m.end() for m in ends)]
        self._ends = [*(m.start() for m in ends), len(text)]

    def position(self, offset: int) -> tuple[int, int]:
        """The position of a character offset; one inside of a line end is the end of the line."""
        line = bisect_right(self._starts, offset) - 1
        return line, utf16_units(self._text[self._starts[line] : min(offset, self._ends[line])])

    def offset(self, line: int, character: int) -> int:
        """The character offset of a position; what lies beyond a line or the text is its end."""
        if line >= len(self._starts):
            return len(self._text)
        offset, units = self._starts[line], 0
        while offset < self._ends[line] and units < character:
            units += utf16_units(self._text[offset])
            offset += 1
        return offset
