"""A whole program in the usual form: its statements from `formatting`, one a line, with every
comment and the blank lines between groups.

A statement that fits a line stands on one. In a longer one, and in one with comments inside, line
ends within brackets stay where the author put them, and a claim of several parts is put in
brackets, a part a line. Nothing else is broken, however long.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from scoutlang.ir.source import Source, Span
from scoutlang.language.diagnostics import Diagnostic
from scoutlang.language.parser import parse, words
from scoutlang.language.statements.statement import Statement
from scoutlang.language.syntax.ast import Both, Claim, Either, Implication, Node
from scoutlang.language.syntax.lexeme import CLOSING, Lexeme

WIDTH = 140
_INDENT = 4
_ALIGNED = 80  # columns up to which a line has a say in where the comments of its group stand

# What the usual form may add or leave out. All other words of a statement are there before and
# after, in the same order.
_OPTIONAL = frozenset({"LPAR", "RPAR", "COMMA", "EQUAL", "DOUBLE_EQUAL", "PLUS"})
_MODIFIERS = frozenset({"WEIGHT", "LOSS", "SYMPREC"})
_JOINT = {Implication: "IMPLIES", Either: "OR", Both: "AND"}


@dataclass(frozen=True)
class Formatted:
    """``text`` is None where the program cannot be read; ``diagnostics`` say why."""

    text: str | None
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass
class _Break:
    """A line end inside a statement: the comment before it, and comments on lines of their own
    after it.
    """

    comment: str = ""
    below: list[str] = field(default_factory=list)


@dataclass
class _Line:
    text: str
    comment: str = ""
    blank_before: bool = False


def formatted(source: Source) -> Formatted:
    """The program in the usual form, with the same meaning. One that cannot be read has none.
    Raises nothing, whatever the text.
    """
    parsed = parse(source)
    if parsed.diagnostics:
        return Formatted(None, parsed.diagnostics)
    items = _items(source.text, parsed.module.statements, [c.span for c in parsed.comments])
    text = "".join(f"{line}\n" for line in _aligned(_lines(source.text, items)))
    # Blanks may make a text longer than may be read.
    again = parse(Source(source.name, text))
    return Formatted(None if again.diagnostics else text, again.diagnostics)


# ---- the file ----


@dataclass
class _Item:
    """A statement with the comments in it and the one behind it, or a comment on a line of its
    own.
    """

    span: Span
    statement: Statement | None = None
    inside: list[Span] = field(default_factory=list)
    behind: Span | None = None

    @property
    def end(self) -> int:
        return self.behind.end if self.behind else self.span.end


def _items(text: str, statements: Sequence[Statement], comments: Sequence[Span]) -> list[_Item]:
    """What the lines are made of, in reading order; each comment is in one of them."""
    items = [_Item(s.span, s) for s in statements]
    place = 0
    alone = []
    for comment in comments:
        while place < len(items) and items[place].span.start <= comment.start:
            place += 1
        before = items[place - 1] if place else None
        if before is not None and comment.start < before.span.end:
            before.inside.append(comment)
        elif before is not None and "\n" not in text[before.span.end : comment.start]:
            before.behind = comment
        else:
            alone.append(_Item(comment))
    return sorted([*items, *alone], key=lambda item: item.span.start)


def _lines(text: str, items: Sequence[_Item]) -> Iterator[_Line]:
    end = None
    for item in items:
        blank = end is not None and text.count("\n", end, item.span.start) > 1
        end = item.end
        behind = _comment(text, item.behind) if item.behind else ""
        lines = (
            [_Line("", _comment(text, item.span))]
            if item.statement is None
            else list(_statement(text, item.statement, item.inside))
        )
        lines[-1].comment = lines[-1].comment or behind
        lines[0].blank_before = blank
        yield from lines


def _comment(text: str, span: Span) -> str:
    return text[span.start : span.end].rstrip()


def _aligned(lines: Iterator[_Line]) -> Iterator[str]:
    """Comments behind statements stand in one column where lines that have some follow each
    other.
    """
    group: list[_Line] = []
    for line in lines:
        if group and (line.blank_before or not (line.text and line.comment)):
            yield from _column(group)
            group = []
        if line.blank_before:
            yield ""
        if line.text and line.comment:
            group.append(line)
        else:
            yield line.text or line.comment
    yield from _column(group)


def _column(group: Sequence[_Line]) -> Iterator[str]:
    column = max((len(line.text) for line in group if len(line.text) <= _ALIGNED), default=0)
    return (f"{line.text:<{column}}  {line.comment}" for line in group)


# ---- one statement ----


def _statement(text: str, statement: Statement, comments: Sequence[Span]) -> Iterator[_Line]:
    """Its lines. Comments that find no place in them stand above it."""
    usual = statement.text()
    if not comments and len(usual) <= WIDTH:
        yield _Line(usual)
        return
    written = text[statement.span.start : statement.span.end]
    before, out = words(written), words(usual)
    breaks = _breaks(text, statement.span, comments)
    placed, homeless = _placed(before, out, breaks)
    wrapped = _wrapped(usual, out, statement) if homeless or len(usual) > WIDTH else None
    if wrapped is not None:
        usual, joints = wrapped
        out = words(usual)
        placed, homeless = _placed(before, out, breaks)
        for gap in joints:
            placed.setdefault(gap, _Break())
    elif len(usual) <= WIDTH and len(homeless) == len(comments):
        placed = {}
    yield from (_Line("", comment) for comment in homeless)
    yield from _broken(usual, out, placed)


def _breaks(text: str, span: Span, comments: Sequence[Span]) -> dict[int, _Break]:
    """Line ends in a statement by where they are, from its start; those that follow each other are
    one.
    """
    found: dict[int, _Break] = {}
    at = span.start
    for comment in [*comments, None]:
        stop = comment.start if comment else span.end
        for newline in (i for i in range(at, stop) if text[i] == "\n"):
            found.setdefault(newline - span.start, _Break())
        if comment:
            own_line = not text[text.rfind("\n", 0, comment.start) + 1 : comment.start].strip(
                "\ufeff \t\r\f\v"
            )
            found[comment.start - span.start] = (
                _Break(below=[_comment(text, comment)])
                if own_line
                else _Break(comment=_comment(text, comment))
            )
            at = comment.end
    return found


def _placed(
    before: Sequence[Lexeme], after: Sequence[Lexeme], breaks: dict[int, _Break]
) -> tuple[dict[int, _Break], list[str]]:
    """Line ends by the number of words before them in the usual form, and the comments that have no
    place: a line ends in brackets only.
    """
    kept_before, kept_after = (_kept(ws) for ws in (before, after))
    starts, depths = [w.start for w in before], _depths(after)
    placed: dict[int, _Break] = {}
    homeless: list[str] = []
    for offset, found in breaks.items():
        count = bisect_left(starts, offset)
        kept = bisect_left(kept_before, count)
        first = kept_after[kept - 1] + 1 if kept else 0
        last = kept_after[kept] if kept < len(kept_after) else len(after)
        wanted = min(first + count - (kept_before[kept - 1] + 1 if kept else 0), last)
        if wanted < last and after[wanted].terminal == "COMMA":
            wanted += 1
        possible = [
            g
            for g in (*range(wanted, first - 1, -1), *range(wanted + 1, last + 1))
            if depths[g] > 0
        ]
        if not possible:
            homeless += [c for c in (found.comment, *found.below) if c]
            continue
        there = placed.setdefault(possible[0], _Break())
        if found.comment and not there.comment and not there.below:
            there.comment = found.comment
        else:
            there.below += [c for c in (found.comment, *found.below) if c]
    return placed, homeless


def _kept(lexemes: Sequence[Lexeme]) -> list[int]:
    return [i for i, w in enumerate(lexemes) if w.terminal not in _OPTIONAL]


def _depths(lexemes: Sequence[Lexeme]) -> list[int]:
    """Open brackets before each word, and after the last."""
    depths = [0]
    for word in lexemes:
        depths.append(depths[-1] + word.nesting)
    return depths


def _wrapped(
    usual: str, out: Sequence[Lexeme], statement: Statement
) -> tuple[str, list[int]] | None:
    """The statement with its ``and``, ``or`` or ``implies`` in brackets, and where lines end then;
    None where it has none.
    """
    body = _body(statement)
    if body is None or type(body) not in _JOINT:
        return None
    depths = _depths(out)
    outer = [i for i, w in enumerate(out) if depths[i] == 0]
    opener = (
        "COLON"
        if out[2].terminal == "COLON"
        else None
        if isinstance(getattr(statement, "claim", None), Claim)
        else "EQUAL"
    )
    start = next((i + 1 for i in outer if out[i].terminal == opener), 1)
    end = next((i for i in outer if out[i].terminal in _MODIFIERS), len(out))
    first, last = out[start].start, out[end - 1].end
    # One word more stands before each of these when the bracket is there.
    joints = [i + 1 for i in outer if start < i < end and out[i].terminal == _JOINT[type(body)]]
    return f"{usual[:first]}({usual[first:last]}){usual[last:]}", [start + 1, *joints, end + 1]


def _body(statement: Statement) -> Node | None:
    claim = getattr(statement, "claim", statement)
    body = getattr(claim, "body", None)
    return body if isinstance(body, Node) else None


def _broken(usual: str, out: Sequence[Lexeme], placed: dict[int, _Break]) -> Iterator[_Line]:
    """The text with its line ends."""
    depths = _depths(out)
    indent, start = 0, 0
    for gap in sorted(placed):
        end = out[gap - 1].end
        yield _Line(" " * indent + usual[start:end], placed[gap].comment)
        closers = gap
        while closers < len(out) and out[closers].terminal in CLOSING:
            closers += 1
        yield from (
            _Line("", " " * _INDENT * depths[gap] + comment) for comment in placed[gap].below
        )
        indent = _INDENT * depths[closers]
        start = out[gap].start
    yield _Line(" " * indent + usual[start:])
