"""The program as it stands: a list of statements, and how it takes more of them. Knows no terminal and no structures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from scoutlang import api
from scoutlang.diagnostics import Diagnostic
from scoutlang.frontend import CheckResult
from scoutlang.frontend.ast import Claim, Name, Statement
from scoutlang.frontend.layout import formatted
from scoutlang.frontend.parser import parse
from scoutlang.source import Source

NAME = "<session>"
"""What messages call the program."""

_STILL_TO_COME = frozenset({"W070"})
"""Doubts that the next statement may settle: a name that nothing uses."""

_NAMING = {"param": "name", "let": "name", "motif": "name", "sweep": "sweep"}
"""Statements that have a name → names of a kind, each of which may be there once."""


@dataclass(frozen=True)
class Piece:
    """The text of one statement with its comments. key: a later statement with the same one takes its place; None: no other does."""

    text: str
    key: tuple[str, str] | None

    @property
    def usual(self) -> str:
        """The statement in the usual form, without its comments."""
        statements = parse(Source(NAME, self.text)).module.statements
        return "; ".join(statement.text() for statement in statements)


@dataclass(frozen=True)
class Hypothesis:
    """Statements in order, values set from outside as text, and the folder that file names in the program start from."""

    pieces: tuple[Piece, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None

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
    """What a hypothesis would be with more text. problems: why it is not taken, with the source they are about; none: it can be.

    replaced: the statements that go. doubts: warnings that were not there before.
    """

    hypothesis: Hypothesis
    result: CheckResult
    problems: tuple[Diagnostic, ...]
    doubts: tuple[Diagnostic, ...]
    replaced: tuple[str, ...] = ()


def propose(standing: Hypothesis, text: str) -> Proposal:
    """Add statements. One that may be there once, or has the name of another one, takes its place; a name given twice in one text is a slip, as in a file."""
    new = _pieces(text)
    if new is None:
        # It cannot be cut into statements; checked behind what stands, it says why.
        return _proposal(standing, replace(standing, pieces=(*standing.pieces, Piece(text, None))))
    kept = list(standing.pieces)
    places = {piece.key: i for i, piece in enumerate(kept) if piece.key is not None}
    replaced = []
    for piece in new:
        place = places.pop(piece.key, None) if piece.key is not None else None
        if place is None:
            kept.append(piece)
        else:
            replaced.append(kept[place].usual)
            kept[place] = piece
    return _proposal(standing, replace(standing, pieces=tuple(kept)), replaced)


def propose_file(standing: Hypothesis, source: Source) -> Proposal:
    """Put a file in the place of all that stands."""
    pieces = _pieces(source.text)
    given = Hypothesis(tuple(pieces) if pieces is not None else (Piece(source.text, None),), standing.settings, source.folder)
    result = api.check_source(source, standing.settings)
    return replace(_proposal(Hypothesis(), given), result=result, problems=_errors(result))


def propose_settings(standing: Hypothesis, settings: Mapping[str, str]) -> Proposal:
    """Other values from outside."""
    return _proposal(standing, replace(standing, settings=dict(settings)))


def without(standing: Hypothesis, name: str) -> Proposal | None:
    """Without the statement of that label, name or verb; None where there is none, or more than one."""
    labels = _labels(standing)
    found = [i for i, piece in enumerate(standing.pieces) if labels.get(i) == name or (piece.key is not None and name == piece.key[1])]
    if len(found) != 1:
        return None
    rest = tuple(piece for i, piece in enumerate(standing.pieces) if i != found[0])
    return _proposal(standing, replace(standing, pieces=rest), [standing.pieces[found[0]].usual])


def _labels(standing: Hypothesis) -> dict[int, str]:
    """The labels of terms by the place of their statement, also those that were made up."""
    program = standing.checked.program
    if program is None:
        return {}
    ends: list[int] = []
    for piece in standing.pieces:
        ends.append((ends[-1] if ends else 0) + len(piece.text) + 1)
    return {next(i for i, end in enumerate(ends) if term.location.start < end): term.label for term in program.terms}


def _proposal(standing: Hypothesis, new: Hypothesis, replaced: Sequence[str] = ()) -> Proposal:
    result, before = new.checked, standing.checked
    known = {(d.code, d.message) for d in before.diagnostics}
    doubts = (
        d for d in result.diagnostics if d.severity == "warning" and d.code not in _STILL_TO_COME and (d.code, d.message) not in known
    )
    return Proposal(new, result, _errors(result), tuple(doubts), tuple(replaced))


def _errors(result: CheckResult) -> tuple[Diagnostic, ...]:
    """Without the one that says that there is no system: it may come later."""
    return tuple(d for d in result.diagnostics if d.severity == "error" and not (d.code == "E020" and d.primary is None))


def _pieces(text: str) -> list[Piece] | None:
    """The statements of a text with their comments; None where it cannot be read."""
    parsed = parse(Source(NAME, text))
    if parsed.diagnostics:
        return None
    pieces: list[Piece] = []
    start = 0
    statements = parsed.module.statements
    for number, statement in enumerate(statements):
        end = statement.span.end
        last = number + 1 == len(statements)
        limit = len(text) if last else statements[number + 1].span.start
        behind = next((c for c in parsed.comments if end <= c.start < limit and not text[end : c.start].strip(" \t;")), None)
        end = len(text) if last else behind.end if behind else end
        own = text[start:end]
        gap = "\n" if pieces and own[: len(own) - len(own.lstrip(" \t;\n"))].count("\n") > 1 else ""
        pieces.append(Piece(gap + own.lstrip(" \t;\n\r\ufeff").rstrip(), _key(statement)))
        start = end
    return pieces


def _key(statement: Statement) -> tuple[str, str] | None:
    if statement.once:
        return "verb", statement.rule
    claim, name = getattr(statement, "claim", None), getattr(statement, "name", None)
    if isinstance(claim, Claim) and claim.label is not None:
        return "label", claim.label.name.text
    if isinstance(name, Name) and statement.rule in _NAMING:
        return _NAMING[statement.rule], name.text
    return None
