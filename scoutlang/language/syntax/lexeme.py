"""A word of a program text with its place, as the lexer finds it."""

from __future__ import annotations

from typing import NamedTuple

from scoutlang.ir.source import Span


class Lexeme(NamedTuple):
    """A token, free of the parser library."""

    terminal: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)
