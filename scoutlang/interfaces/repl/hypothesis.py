"""The program as it stands: a list of statements, and how it takes more of them. Knows no terminal
and no structures.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from scoutlang.interfaces import api
from scoutlang.ir import Compare, Term, Wish
from scoutlang.ir.source import MAX_CHARACTERS, Source, Span
from scoutlang.language import CheckResult
from scoutlang.language.diagnostics import Diagnostic, Label
from scoutlang.language.diagnostics.render.text import render
from scoutlang.language.formatter import formatted
from scoutlang.language.parser import parse, split, words
from scoutlang.language.statements import CLAIMING, DEFINING, STATEMENTS
from scoutlang.language.syntax.lexeme import Lexeme

NAME = "<session>"
"""What messages call the program."""

_STILL_TO_COME = frozenset({"W070"})
"""Doubts that the next statement may settle: a name that nothing uses."""

_PLOT = ":plot "
"""How an expression is shown in messages about it."""


@dataclass(frozen=True)
class Piece:
    """One statement with its comments."""

    text: str
    key: tuple[str, str] | None
    """A later statement with the same one takes its place; None: no other does."""

    @property
    def usual(self) -> str:
        """The statement in the usual form, without its comments."""
        statements = parse(Source(NAME, self.text)).module.statements
        return "; ".join(statement.text() for statement in statements)


@dataclass(frozen=True)
class Hypothesis:
    """A program in the making."""

    pieces: tuple[Piece, ...] = ()
    """Its statements in order."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Values that were set from outside, as text."""
    folder: Path | None = None
    """Where names of files in the program start from."""

    @property
    def text(self) -> str:
        return "".join(f"{piece.text}\n" for piece in self.pieces)

    @property
    def usual(self) -> str:
        """The text as `scout fmt` writes it."""
        return formatted(Source(NAME, self.text)).text or self.text

    @cached_property
    def checked(self) -> CheckResult:
        """As a file of this text would be checked."""
        return api.check_source(Source(NAME, self.text, self.folder), self.settings)


@dataclass(frozen=True)
class Proposal:
    """What a hypothesis would be after a change."""

    hypothesis: Hypothesis
    result: CheckResult
    """Of its check, with the source that ``problems`` and ``doubts`` are about."""
    problems: tuple[Diagnostic, ...]
    """Why it is not taken; none: it can be."""
    doubts: tuple[Diagnostic, ...]
    """Warnings that were not there before."""
    gone: tuple[Piece, ...] = ()
    """The statements that go."""
    how: Literal["replaces", "dropped"] = "replaces"
    """What is said of those that go."""


def propose(standing: Hypothesis, text: str) -> Proposal:
    """Add statements. One that may be there once, or has the name of another one, takes its place;
    a name given twice in one text is a slip, as in a file.
    """
    kept = list(standing.pieces)
    places = {piece.key: i for i, piece in enumerate(kept) if piece.key is not None}
    replaced = []
    for piece in _pieces(text):
        place = places.pop(piece.key, None) if piece.key is not None else None
        if place is None:
            kept.append(piece)
        else:
            replaced.append(kept[place])
            kept[place] = piece
    return _proposal(standing, replace(standing, pieces=tuple(kept)), replaced)


def propose_file(standing: Hypothesis, source: Source) -> Proposal:
    """Put a file in the place of all that stands."""
    given = Hypothesis(tuple(_pieces(source.text)), standing.settings, source.folder)
    proposal = _proposal(Hypothesis(), given)
    if not proposal.problems:
        return proposal
    # With the lines of the file, which are not those of the text that would stand.
    result = api.check_source(source, standing.settings)
    return replace(proposal, result=result, problems=_errors(result))


def propose_edited(standing: Hypothesis, text: str, folder: Path | None) -> Proposal:
    """Put an edited text in the place of all that stands, and say which statements are there no
    more. folder: where its file names start from.
    """
    there = {_wording(piece) for piece in _pieces(text)}
    gone = tuple(piece for piece in _pieces(standing.usual) if _wording(piece) not in there)
    return replace(propose_file(standing, Source(NAME, text, folder)), gone=gone, how="dropped")


def mended(standing: Hypothesis, text: str, folder: Path | None) -> str | None:
    """A program that has errors as `scout fmt` writes it, which puts slips such as ``==`` right;
    None where it would not stand even so.
    """
    usual = formatted(Source(NAME, text)).text
    if usual is None or propose_file(standing, Source(NAME, usual, folder)).problems:
        return None
    return usual


def fitting(settings: Mapping[str, str], source: Source) -> dict[str, str]:
    """Those of the values from outside that a program has a name for, and can take."""

    def fits(name: str) -> bool:
        return all(
            d.code != "E076" for d in api.check_source(source, {name: settings[name]}).diagnostics
        )

    return {name: value for name, value in settings.items() if fits(name)}


def propose_settings(standing: Hypothesis, settings: Mapping[str, str]) -> Proposal:
    """Other values from outside."""
    return _proposal(standing, replace(standing, settings=dict(settings)))


def propose_sweep(standing: Hypothesis, name: str, values: str) -> Proposal:
    """With a sweep over that name, whatever value it has from outside."""
    settings = {key: value for key, value in standing.settings.items() if key != name}
    return propose(replace(standing, settings=settings), f"sweep {name} in {{{values}}}")


def without(standing: Hypothesis, name: str) -> Proposal | None:
    """Without the statement of that label, name or verb; None where there is none, or more than
    one.
    """
    labels = _labels(standing)
    found = [
        piece
        for i, piece in enumerate(standing.pieces)
        if labels.get(i) == name or (piece.key is not None and name == piece.key[1])
    ]
    if len(found) != 1:
        return None
    rest = tuple(piece for piece in standing.pieces if piece is not found[0])
    return replace(_proposal(standing, replace(standing, pieces=rest), found), how="dropped")


def measured(
    standing: Hypothesis, expression: str, *, color: bool = False
) -> tuple[Term | None, str]:
    """An expression as a term of the program as it stands, else what is wrong with it. A quantity
    becomes a wish, which any value meets.

    Raises nothing, whatever the text.
    """
    term, problems = _probed(standing, "expect ", expression, "")
    # no claim, so perhaps a quantity; as an operand it needs no bounds, and 0 no unit
    if [d.code for d in problems] == ["E057"]:
        term, problems = _probed(standing, "expect 1 * (", expression, ") >= 0")
        if term is not None and isinstance(term.claim, Compare):  # those bounds are ours
            value, scale, unit = term.claim.value, term.claim.relation.scale, term.claim.unit
            term = replace(term, claim=Wish(value, "low", scale, unit))
    shown = Source(NAME, f"{standing.text}{_PLOT}{expression}")
    return term, render(problems, shown, color=color) if problems or term is None else ""


def _probed(
    standing: Hypothesis, before: str, expression: str, after: str
) -> tuple[Term | None, list[Diagnostic]]:
    """The term that the expression makes between these words, and the errors about it, placed as if
    they were `_PLOT`.
    """
    start = len(standing.text)
    text = f"{standing.text}{before}{expression}{after}"
    result = api.check_source(Source(NAME, text, standing.folder), standing.settings)
    terms = () if result.program is None else result.program.terms
    last = start + len(_PLOT) + len(expression)

    def moved(label: Label) -> Label:
        if label.span.start < start:
            return label
        first, end = (
            min(max(at - len(before) + len(_PLOT), start + len(_PLOT)), last) for at in label.span
        )
        return replace(label, span=Span(first, end))

    problems = []
    for d in _errors(result):
        primary, secondary = d.primary and moved(d.primary), tuple(map(moved, d.secondary))
        problems.append(replace(d, primary=primary, secondary=secondary, fix=None))
    return next((term for term in terms if term.location.start == start), None), problems


def _labels(standing: Hypothesis) -> dict[int, str]:
    """The labels of terms by the place of their statement, also those that were made up."""
    program = standing.checked.program
    if program is None:
        return {}
    ends = list(itertools.accumulate(len(piece.text) + 1 for piece in standing.pieces))
    return {bisect_right(ends, term.location.start): term.label for term in program.terms}


def _wording(piece: Piece) -> tuple[str, ...]:
    """The statement without comments and line ends."""
    return tuple(word.text for word in words(piece.text))


def _proposal(standing: Hypothesis, new: Hypothesis, gone: Sequence[Piece] = ()) -> Proposal:
    result, before = new.checked, standing.checked
    known = {(d.code, d.message) for d in before.diagnostics}
    doubts = (
        d
        for d in result.diagnostics
        if d.severity == "warning"
        and d.code not in _STILL_TO_COME
        and (d.code, d.message) not in known
    )
    return Proposal(new, result, _errors(result), tuple(doubts), tuple(gone))


def _errors(result: CheckResult) -> tuple[Diagnostic, ...]:
    """Without the one that says that there is no system: it may come later."""
    return tuple(
        d
        for d in result.diagnostics
        if d.severity == "error" and not (d.code == "E020" and d.primary is None)
    )


def _pieces(text: str) -> list[Piece]:
    """The statements of a text with their comments, cut by its words alone: whether they are right
    is found by the check, which then parses them once.
    """
    if len(text) > MAX_CHARACTERS:
        return [Piece(text, None)]
    statements, comments = split(text)
    starts = [*(statement[0].start for statement in statements[1:]), len(text)]
    pieces: list[Piece] = []
    start, place = 0, 0
    for statement, following in zip(statements, starts, strict=False):
        end = statement[-1].end
        while place < len(comments) and comments[place].start < end:
            place += 1
        if following == len(text):
            end = following
        elif (
            place < len(comments)
            and comments[place].start < following
            and not text[end : comments[place].start].strip(" \t;")
        ):
            end = comments[place].end
        own = text[start:end]
        gap = "\n" if pieces and own[: len(own) - len(own.lstrip(" \t;\n"))].count("\n") > 1 else ""
        pieces.append(Piece(gap + own.lstrip(" \t;\n\r\ufeff").rstrip(), _key(statement)))
        start = end
    return pieces


def _key(statement: Sequence[Lexeme]) -> tuple[str, str] | None:
    verb = statement[0].text
    if verb in STATEMENTS and STATEMENTS[verb].once:
        return "verb", verb
    name, after = (statement[1], statement[2].terminal) if len(statement) > 2 else (None, "")
    if name is None or name.terminal != "NAME":
        return None
    if verb in CLAIMING and after == "COLON":
        return "label", name.text
    if verb in DEFINING:
        return "name", name.text
    is_sweep = verb in STATEMENTS and STATEMENTS[verb].takes == "parameters"
    return (verb, name.text) if is_sweep else None
