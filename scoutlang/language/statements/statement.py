"""What every statement is: a node of the syntax tree with a meaning, and facts about itself. From
these facts the manual, completions, colours and the outline of editors are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

from scoutlang import ir
from scoutlang.ir.source import Source, Span
from scoutlang.language.checking import claims
from scoutlang.language.checking.scope import Names, Scope
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Claim, Name, Rule, as_data
from scoutlang.language.syntax.lexeme import Lexeme, open_brackets


class Slip(NamedTuple):
    """What is usually meant where a statement goes wrong, and what to write at that place."""

    text: str
    replacement: str | None = None


class Statement(Rule):
    """One statement. Its file in `statements` holds its syntax tree, its meaning and an example;
    the file's docstring is its manual page. Its rule in the grammar is of the same name, and its
    place there among the others is the one in the manual.
    """

    rule: ClassVar[str]
    example: ClassVar[str]
    usage: ClassVar[str] = ""
    """Lines that use the example, where a program needs some."""
    once: ClassVar[bool] = False
    """May appear once only."""
    required: ClassVar[str] = ""
    """What to do where it is missing, if a program cannot do without it."""
    defines: ClassVar[bool] = False
    """May stand in a module."""
    precedence: ClassVar[int] = 1
    """Statements are checked in this order, then in reading order."""
    since: ClassVar[float] = 1
    """The version of the language that brought it."""
    takes: ClassVar[Literal["", "elements", "modules", "parameters", "settings", "values"]] = ""
    """What a name in it stands for, if anything; ``parameters`` are those of the program and the
    settings.
    """
    outline: ClassVar[str] = "Property"
    """What editors show it as: a `SymbolKind` of the Language Server Protocol."""

    @property
    def verb_span(self) -> Span:
        return Span(self.span.start, self.span.start + len(self.rule))

    @classmethod
    def slip(cls, lexemes: Sequence[Lexeme], position: int) -> Slip | None:
        """What is usually meant where the grammar does not know how to go on at a position."""
        return None

    def declare(self, scope: Scope, names: Names) -> None:
        """Add the names that the statement defines; everything is declared before anything is
        checked, so that order does not matter.
        """

    def text(self) -> str:
        """The statement in the usual form (`syntax.printer`)."""
        raise NotImplementedError(type(self))

    def check(self, scope: Scope) -> None:
        """Resolve names and units, and add the meaning to the scope, or report why not."""
        raise NotImplementedError(type(self))

    def conclude(self, scope: Scope) -> None:
        """Report what is doubtful about it in a program that is otherwise right."""


class Defining(Statement):
    """A statement that gives a name to an expression."""

    takes = "values"
    takes_arguments: ClassVar[bool] = False
    """Whether the name is that of something that is called."""
    group: ClassVar[bool] = False
    """Whether it may name species of which only those in the system are meant."""

    name: Name

    def check(self, scope: Scope) -> None:
        """A definition is checked where it is used; one that nothing uses by
        `definitions.check_unused`.
        """


class Claiming(Statement):
    """A statement that claims something of the crystals."""

    takes = "values"
    outline = "Event"
    rule: ClassVar[ir.Verb]
    steers: ClassVar[bool] = True
    """Whether the sampling follows it, so that it needs a gradient."""
    judges: ClassVar[bool] = True
    """Whether it is true or not of a structure; what only steers may be a wish."""

    claim: Claim

    @classmethod
    def slip(cls, lexemes: Sequence[Lexeme], position: int) -> Slip | None:
        word = lexemes[position]
        example = {
            "WEIGHT": "CN(Cu-P) = 4 weight 2",
            "LOSS": "CN(Cu-P) = 4 loss l2",
            "SYMPREC": "spacegroup = 225 symprec 0.1 Å",
        }.get(word.terminal)
        if example is None or not (position == 1 or open_brackets(lexemes[:position])):
            return None
        return Slip(f"`{word.text}` stands at the end of the claim: `{example}`")

    def text(self) -> str:
        return f"{self.rule} {printer.claim(self.claim)}"

    def check(self, scope: Scope) -> None:
        claims.check(
            self.rule, self.claim, self.span, scope, steers=self.steers, judges=self.judges
        )


class Configuring(Statement):
    """A statement that fills a node of the program with settings."""

    takes = "settings"
    fills: ClassVar[type[ir.Node]]
    """The node whose fields are the settings (`ir.settings`)."""
    one_setting: ClassVar[str]
    """An example of one."""
    prefix: ClassVar[str] = ""
    """Of the names of its settings where they are set from outside."""

    @classmethod
    def slip(cls, lexemes: Sequence[Lexeme], position: int) -> Slip | None:
        found, before = lexemes[position].terminal, lexemes[position - 1].terminal
        nameless = found in ("NUMBER", "HYPHEN") and before != "EQUAL"
        return Slip(f"which setting? for example `{cls.one_setting}`") if nameless else None


@dataclass(frozen=True)
class Module:
    """A parsed program: its statements in reading order."""

    source: Source
    statements: tuple[Statement, ...]

    def as_data(self) -> dict[str, Any]:
        """The syntax tree as plain data for `json.dumps`."""
        return {"node": "Module", "statements": as_data(self.statements)}
