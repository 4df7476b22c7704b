"""Program text → pieces with the kind of each, line by line, for display. It colours any text and
judges none: that is the front end's work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from scoutlang.ir.elements import SYMBOLS

VERBS = frozenset({"require", "prefer", "expect"})
KEYWORDS = frozenset(
    """scout import system atoms formula param let motif guide sample sweep in as and or not implies each any weight loss symprec""".split()
)

_PIECE = re.compile(
    r"""(?P<comment>\#.*)|(?P<string>"[^"\n]*")|(?P<name>[^\W\d][\w\u030a]*)|(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"""
    r"""|(?P<operator>[=<>≤≥±+*/^→-]+)""",
    re.VERBOSE,
)


class Piece(NamedTuple):
    """kind: comment, string, verb, keyword, element, call, number, operator; empty for the rest."""

    kind: str
    text: str


def highlighted(source: str) -> list[list[Piece]]:
    """The lines of a program. Joined again, the pieces are the text."""
    return [list(_pieces(line)) for line in source.split("\n")]


def _pieces(line: str) -> Iterator[Piece]:
    end = 0
    for match in _PIECE.finditer(line):
        if match.start() > end:
            yield Piece("", line[end : match.start()])
        end = match.end()
        yield Piece(_kind(match, line), match.group())
    if end < len(line):
        yield Piece("", line[end:])


def _kind(match: re.Match[str], line: str) -> str:
    kind, text = match.lastgroup or "", match.group()
    if kind != "name":
        return kind
    if text in VERBS:
        return "verb"
    if text in KEYWORDS:
        return "keyword"
    if line[match.end() : match.end() + 1] == "(":
        return "call"
    return "element" if text in SYMBOLS else ""
