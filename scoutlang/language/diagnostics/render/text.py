"""Diagnostics for people: the line, a caret under the exact span, the cause and the fix."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

from scoutlang.ir.source import Source
from scoutlang.language.diagnostics.model import Diagnostic, Label
from scoutlang.support.colours import TERMINAL
from scoutlang.support.shown import shown

_WIDTH = 120
_TAB = 4

_FRAME, _BOLD = TERMINAL["frame"].sgr, TERMINAL["headline"].sgr

Paint = Callable[[str, str], str]


def render(diagnostics: Sequence[Diagnostic], source: Source, *, color: bool = False) -> str:
    """All messages with a closing count, ready to print; an empty string when there is nothing to
    say.
    """
    if not diagnostics:
        return ""
    return "\n\n".join(
        [
            *(render_one(d, source, color=color) for d in diagnostics),
            f"{shown(source.name)}: {count(diagnostics)}",
        ]
    )


def count(diagnostics: Sequence[Diagnostic]) -> str:
    """``2 errors, 1 warning``."""
    parts = []
    for severity, plural in (("error", "errors"), ("warning", "warnings"), ("info", "notes")):
        number = sum(d.severity == severity for d in diagnostics)
        if number:
            singular = plural.removesuffix("s")
            parts.append(f"{number} {singular if number == 1 else plural}")
    return ", ".join(parts) or "no errors"


def render_one(diagnostic: Diagnostic, source: Source, *, color: bool = False) -> str:
    """One message. With ``color`` for a terminal that has some; the characters are the same."""
    paint = _colored if color else _plain
    lines = [
        paint(f"{diagnostic.severity}[{diagnostic.code}]", TERMINAL[diagnostic.severity].sgr)
        + paint(f": {shown(diagnostic.message)}", _BOLD)
    ]
    helps = [shown(line) for line in diagnostic.help.split("\n") if line]
    if diagnostic.primary is None:
        return "\n".join([*lines, *(f"  help: {h}" for h in helps)])
    labels = [
        *((label, "-", _FRAME) for label in diagnostic.secondary),
        (diagnostic.primary, "^", TERMINAL[diagnostic.severity].sgr),
    ]
    numbered: dict[int, list[tuple[Label, str, str]]] = {}
    for marked in labels:
        numbered.setdefault(source.line_col(marked[0].span.start)[0], []).append(marked)
    gutter = len(str(max(numbered))) + 2
    for number in sorted(numbered):
        # A line's own marks go left to right, the primary one last so that it ends the message.
        lines.extend(_line(source, number, numbered[number], gutter, paint))
    lines.extend(paint(f"{'':{gutter}} |", _FRAME) + f" {h}" for h in helps)
    return "\n".join(lines)


def _line(
    source: Source, number: int, labels: list[tuple[Label, str, str]], gutter: int, paint: Paint
) -> list[str]:
    text = source.line(number)
    columns = [source.line_col(label.span.start)[1] - 1 for label, _, _ in labels]
    first, last = _window(text, columns[-1])
    window = ("…" if first else "") + _display(text[first:last]) + ("…" if last < len(text) else "")
    out = [paint(f"{number:>{gutter}} |", _FRAME) + f" {window}".rstrip()]
    for (label, mark, style), column in zip(labels, columns, strict=True):
        if first <= column <= last:
            end = min(column + label.span.end - label.span.start, last)
            indent = (1 if first else 0) + _cells(text[first:column])
            marks = mark * max(1, _cells(text[column:end]))
            out.append(
                paint(f"{'':{gutter}} |", _FRAME)
                + f" {'':{indent}}"
                + paint(f"{marks} {shown(label.text)}".rstrip(), style)
            )
    return out


def _plain(text: str, style: str) -> str:
    return text


def _colored(text: str, style: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m"


def _window(text: str, column: int) -> tuple[int, int]:
    """The part of a line to show: all of it, or what surrounds the column when the line is very
    long.
    """
    first = max(0, min(column - _WIDTH // 2, len(text) - _WIDTH))
    return first, min(len(text), first + _WIDTH)


def _display(text: str) -> str:
    return shown(text.replace("\t", " " * _TAB))


def _cells(text: str) -> int:
    """Terminal cells that the text takes: tabs, wide and combining characters are not one cell
    each.
    """
    return sum(
        _TAB
        if c == "\t"
        else 0
        if unicodedata.combining(c)
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )
