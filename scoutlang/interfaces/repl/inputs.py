"""Where one input ends and the next begins: statements may take several lines, a line that begins
with ``:`` is a command.

A line that begins with ``|`` belongs to the input above it: so a record keeps together what was
pasted, or edited, as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scoutlang.ir.source import MAX_CHARACTERS
from scoutlang.language.parser import words
from scoutlang.language.statements import STATEMENTS
from scoutlang.language.syntax.lexeme import Lexeme

COMMAND = ":"
BELOW = "|"

_JOINING = frozenset({"AND", "OR", "NOT", "IMPLIES", "EACH", "ANY"})
"""Words after which a claim goes on, whatever comes before them."""

_COMMENT = re.compile(r"#[^\n]*")
_JOINED = re.compile(r"\b(?:and|or|not|implies|each|any)\s*\n")
_VERB = re.compile(rf"^[ \t]*(?:{'|'.join(STATEMENTS)})\b", re.MULTILINE)


def inputs(text: str) -> Iterator[str]:
    """The inputs of a text: commands, which have a line of their own, and the program text between
    them.
    """
    lines: list[str] = []
    for line in text.split("\n"):
        if line.startswith(BELOW) and lines:
            lines.append(line if is_command(lines[0]) else below(line))
            continue
        if lines and (is_command(line) or is_command(lines[0])):
            yield "\n".join(lines)
            lines = []
        if lines or line.strip():
            lines.append(line.strip() if is_command(line) else line)
    if lines:
        yield "\n".join(lines)


def is_command(text: str) -> bool:
    """Whether an input is a command."""
    return text.lstrip().startswith(COMMAND)


def marked(line: str) -> str:
    """A line as one that belongs to the input above."""
    return f"{BELOW} {line}" if line else BELOW


def below(line: str) -> str:
    """A line that belongs to the input above, without its mark."""
    return line.removeprefix(BELOW).removeprefix(" ")


def unfinished(text: str) -> bool:
    """Whether the last statement goes on in the next line: a bracket is open, or the last word
    joins it to another part.

    A blank line at the end finishes everything, and so does a command.
    """
    last_line = text.removesuffix("\n").rpartition("\n")[2]
    if (
        is_command(text)
        or is_command(last_line)
        or text.endswith("\n\n")
        or len(text) > MAX_CHARACTERS
    ):
        return False
    # A line that begins with a verb ends all before it.
    text = text[max((verb.start() for verb in _VERB.finditer(text)), default=0) :]
    found = list(_walk(text))
    if not found:
        return False
    last, depth, _ = found[-1]
    rest = text[last.end :]
    if ";" in _COMMENT.sub("", rest):
        return False
    return depth > 0 or (last.terminal in _JOINING and "#" not in rest)


def written(text: str) -> str:
    """An input as a file of a session holds it: the lines below its first one are marked, and an
    unfinished one ends with a blank line.
    """
    first, *rest = text.split("\n")
    if rest and not is_command(first):
        rest = [marked(line) for line in rest]
    return "\n".join([first, *rest, *([""] if not rest and unfinished(first) else []), ""])


def typed(text: str) -> Iterator[str]:
    """The lines that somebody would type one after another before there is an answer. What is
    unfinished at the end of the text comes as it is.
    """
    pending = ""
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    for line, following in zip(lines, [*lines[1:], None], strict=True):
        if not pending and not line.strip():
            continue
        pending += f"{line}\n"
        # not behind a blank line, and what lines with a mark belong to ends with them
        may_go_on = line.strip() and not line.startswith(BELOW)
        if following is not None and (
            following.startswith(BELOW) or (may_go_on and unfinished(pending))
        ):
            continue
        yield pending
        pending = ""


def continued(text: str) -> str:
    """The text with blanks for the line ends after ``and`` and its like, which in a file would end
    the statement. Offsets stay.
    """
    if len(text) > MAX_CHARACTERS or not _JOINED.search(text):
        return text
    pieces, place = [], 0
    before: tuple[Lexeme, int] | None = None
    for word, depth, gap in _walk(text):
        goes_on = before is not None and before[0].terminal in _JOINING and before[1] == 0
        if goes_on and "\n" in gap and gap.isspace() and word.text not in STATEMENTS:
            pieces += [text[place : word.start - len(gap)], " " * len(gap)]
            place = word.start
        before = word, depth
    return "".join([*pieces, text[place:]])


def _walk(text: str) -> Iterator[tuple[Lexeme, int, str]]:
    """Every word, the brackets open after it, and what stands between it and the word before."""
    depth, end = 0, 0
    for word in words(text):
        gap = text[end : word.start]
        code = _COMMENT.sub("", gap)
        # As the parser has it: a semicolon ends a statement also in brackets, and so does a line
        # that begins with a verb.
        if ";" in code or ("\n" in code and word.text in STATEMENTS):
            depth = 0
        depth = max(0, depth + word.nesting)
        end = word.end
        yield word, depth, gap
