"""Text from strangers, safe to show: names, ids, reasons and texts out of files are shown as text,
and neither a terminal nor Markdown acts on what stands in them. (HTML is the matter of
`report.document`, whose templates escape everything.)
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import click

_MARK = "\N{REPLACEMENT CHARACTER}"
_TAB = "    "
_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")


def shown(text: str) -> str:
    """In one line, with a mark for everything that a terminal could act on or that is not seen:
    control characters, line ends, characters that turn the direction of text, halves of characters.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else _MARK for c in text)


def shown_lines(text: str) -> str:
    """As `shown`, in the lines that it has; a tab is four blanks."""
    if text.isprintable():
        return text
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(shown(line.replace("\t", _TAB)) for line in lines)


def painted(text: str) -> str:
    """As `shown_lines`, but for the colours in it, which only change how text looks."""
    return "".join(
        part if k % 2 else shown_lines(part) for k, part in enumerate(_COLOUR.split(text))
    )


def say(text: str, *, err: bool = False, nl: bool = True, exact: bool = False) -> None:
    """Print lines. exact: as they are, where no terminal is written to."""
    stream = sys.stderr if err else sys.stdout
    if not exact or (stream is not None and stream.isatty()):
        text = shown_lines(text)
    click.echo(text, err=err, nl=nl)


def say_json(data: Any) -> None:
    """Print plain data as JSON, with escapes for what cannot be seen and for what the output's
    encoding lacks.
    """
    unicode = (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
    text = json.dumps(data, indent=2, ensure_ascii=not unicode, allow_nan=False)
    click.echo("\n".join(map(_escaped, text.split("\n"))))


def _escaped(line: str) -> str:
    """Only strings of JSON hold such characters."""
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def code_span(text: str) -> str:
    """As code inside a line of Markdown: between more backticks than the text has in a row."""
    text = shown(text)
    ticks = "`" * (_longest(text) + 1)
    blank = " " if "`" in text else ""
    return f"{ticks}{blank}{text}{blank}{ticks}"


def code_block(text: str, language: str = "") -> str:
    """As a block of code of Markdown, which nothing in the text can end."""
    fence = "`" * max(3, _longest(text) + 1)
    return f"{fence}{language}\n{shown_lines(text)}\n{fence}"


def _longest(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
