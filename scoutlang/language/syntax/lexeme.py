"""A word of a program text with its place, as the lexer finds it, and how brackets nest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from scoutlang.ir.source import Span

CLOSED_BY: Mapping[str, str] = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
"""Terminal of a bracket that opens → terminal of the one that closes it."""

CLOSING: Mapping[str, str] = {"RPAR": ")", "RSQB": "]", "RBRACE": "}"}
"""Terminal of a bracket that closes → its sign."""


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

    @property
    def nesting(self) -> int:
        """By how much brackets are deeper behind it: 1 where it opens one, −1 where it closes one,
        else 0.
        """
        return (self.terminal in CLOSED_BY) - (self.terminal in CLOSING)


def open_brackets(lexemes: Sequence[Lexeme]) -> list[int]:
    """Positions of the brackets that nothing closes, from the outermost to the innermost."""
    opened: list[int] = []
    for position, lexeme in enumerate(lexemes):
        if lexeme.terminal in CLOSED_BY:
            opened.append(position)
        elif lexeme.terminal in CLOSING and opened:
            opened.pop()
    return opened
