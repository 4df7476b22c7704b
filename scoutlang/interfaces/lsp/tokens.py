"""What each word of a program is, and where its name was given; of broken programs as far as that
can be told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from scoutlang.interfaces.words import motif_parameters, reserved
from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.ir.signatures import DescriptorSignature
from scoutlang.ir.source import Source, Span
from scoutlang.ir.units import find_unit
from scoutlang.language import parser
from scoutlang.language.checking.scope import Definition, Names
from scoutlang.language.statements import CALLED, CLAIMING, DEFINING, SETTINGS, STATEMENTS
from scoutlang.language.syntax.functions import FUNCTIONS
from scoutlang.language.syntax.lexeme import Lexeme

Kind = Literal[
    "comment", "string", "number", "operator", "statement", "keyword", "function", "descriptor",
    "setting", "value", "unit", "element", "variable", "macro", "argument", "label", "module",
]  # fmt: skip

OPERATORS = frozenset(
    "PLUS_MINUS ARROW DOUBLE_EQUAL LESS_EQUAL GREATER_EQUAL EQUAL LESS GREATER STAR SLASH CARET "
    "PLUS HYPHEN LOOKALIKE_DASH".split()
)


class Target(NamedTuple):
    """Where a name was given: the file, the place in it, and the definition, if it is one."""

    source: Source
    span: Span
    definition: Definition | None = None


class Word(NamedTuple):
    """A piece of a program."""

    lexeme: Lexeme
    kind: Kind
    target: Target | None = None
    """Where its name was given."""
    parameter_of: str = ""
    """The descriptor whose parameter it names."""


def classified(
    source: Source, names: Names, signatures: Mapping[str, DescriptorSignature]
) -> list[Word]:
    """All words of a program with a kind, in reading order."""
    statements, comments = parser.split(source.text)
    found = [Word(x, "comment") for x in comments]
    known = reserved()
    for statement in statements:
        found.extend(_Statement(source, names, signatures, statement, known).words())
    return sorted(found, key=lambda w: w.lexeme.start)


class _Statement:
    def __init__(
        self,
        source: Source,
        names: Names,
        signatures: Mapping[str, DescriptorSignature],
        lexemes: list[Lexeme],
        known: frozenset[str],
    ) -> None:
        self._source, self._names = source, names
        self._signatures, self._lexemes = signatures, lexemes
        self._verb = lexemes[0].text
        self._takes = STATEMENTS[self._verb].takes if self._verb in STATEMENTS else ""
        self._reserved = known
        self._places = {x.text: x.span for x in motif_parameters(lexemes)}
        self._called: list[tuple[str, Definition | None]] = []

    def words(self) -> Iterator[Word]:
        for i, lexeme in enumerate(self._lexemes):
            if lexeme.terminal == "LPAR":
                self._called.append(self._callee(i - 1))
            elif lexeme.terminal == "RPAR" and self._called:
                self._called.pop()
            word = self._word(i, lexeme)
            if word is not None:
                yield word

    def _callee(self, i: int) -> tuple[str, Definition | None]:
        """The name in front of a bracket, empty where there is none, and its definition if the
        program or a module has one.
        """
        if self._terminal(i) != "NAME":
            return "", None
        name = self._lexemes[i].text
        if self._terminal(i - 1) == "DOT":
            return name, self._imported(i)
        return name, self._names.definitions.get(name)

    def _word(self, i: int, lexeme: Lexeme) -> Word | None:
        terminal = lexeme.terminal
        if terminal in OPERATORS:
            return Word(lexeme, "operator")
        if terminal == "NUMBER":
            return Word(lexeme, "number")
        if terminal == "STRING":
            module = self._module(self._alias) if self._takes == "modules" else None
            return Word(lexeme, "string", module)
        if terminal == "UNIT":
            return Word(lexeme, "unit")
        if terminal == "NAME" or lexeme.text in self._reserved:
            return self._name(i, lexeme)
        return None

    def _name(self, i: int, lexeme: Lexeme) -> Word | None:
        text, before, after = lexeme.text, self._terminal(i - 1), self._terminal(i + 1)
        if self._places.get(text) == lexeme.span:
            return Word(lexeme, "argument", Target(self._source, lexeme.span))
        if after == "EQUAL" and (given := self._given(lexeme)) is not None:
            return given
        if text in self._reserved:
            return Word(lexeme, "statement" if i == 0 else "keyword")
        if i == 0:
            return None  # no statement begins so
        if i == 1 and self._verb in CLAIMING and after == "COLON":
            return Word(lexeme, "label", Target(self._source, lexeme.span))
        if self._takes == "modules":
            return Word(lexeme, "module", self._module(self._alias))
        if self._takes == "settings":
            return self._setting(i, lexeme)
        if before == "DOT":  # of a module
            member = self._imported(i)
            return None if member is None else _of_definition(lexeme, member)
        if text in self._places and self._verb in CALLED:
            return Word(lexeme, "argument", Target(self._source, self._places[text]))
        defined = self._defined(lexeme)
        if defined is not None and (before not in ("NUMBER", "RSQB") or find_unit(text) is None):
            return defined
        if text in self._names.imports and after == "DOT":
            return Word(lexeme, "module", self._module(text))
        if i == 1 and self._verb in DEFINING:
            return None  # a name that could not be given
        if before in ("NUMBER", "RSQB", "SLASH") and (
            find_unit(text) is not None or text == "atom"
        ):
            return Word(lexeme, "unit")
        if self._takes == "parameters" and i == 1:
            return Word(lexeme, "setting")
        return self._of_the_language(lexeme)

    def _given(self, lexeme: Lexeme) -> Word | None:
        """The name of a parameter in a call: of a motif, or of a descriptor."""
        caller, definition = next((c for c in reversed(self._called) if c[0]), ("", None))
        if definition is not None:
            for place in definition.places or ():
                if place.name.text == lexeme.text:
                    target = Target(definition.names.source, place.name.span)
                    return Word(lexeme, "argument", target)
            return None
        signature = self._signatures.get(caller)
        if signature is not None and any(p.name == lexeme.text for p in signature.parameters):
            return Word(lexeme, "argument", parameter_of=caller)
        return None

    def _of_the_language(self, lexeme: Lexeme) -> Word | None:
        text = lexeme.text
        if text in ATOMIC_NUMBER:
            return Word(lexeme, "element")
        if text in FUNCTIONS:
            return Word(lexeme, "function")
        if text in self._signatures:
            return Word(lexeme, "descriptor")
        return Word(lexeme, "value") if text.isascii() else None

    def _setting(self, i: int, lexeme: Lexeme) -> Word:
        """A key, or a word that is the value of one."""
        before = self._lexemes[i - 1]
        table = SETTINGS[self._verb]
        key = before if before.terminal != "EQUAL" else self._lexemes[i - 2]
        words = (
            key.terminal == "NAME"
            and key.text in table
            and (before.terminal == "EQUAL" or lexeme.text not in table)
        )
        if words or lexeme.text not in table:
            return self._defined(lexeme) or Word(lexeme, "value")
        return Word(lexeme, "setting")

    def _defined(self, lexeme: Lexeme) -> Word | None:
        definition = self._names.definitions.get(lexeme.text)
        return None if definition is None else _of_definition(lexeme, definition)

    def _imported(self, i: int) -> Definition | None:
        """What ``module.name`` stands for, by the place of the name."""
        imported = self._names.imports.get(self._lexemes[i - 2].text) if i > 1 else None
        return imported.names.definitions.get(self._lexemes[i].text) if imported else None

    def _module(self, alias: str) -> Target | None:
        imported = self._names.imports.get(alias)
        return None if imported is None else Target(imported.names.source, Span(0, 0))

    @property
    def _alias(self) -> str:
        """What an import calls its module."""
        last = self._lexemes[-1]
        return Path(last.text[1:-1]).stem if last.terminal == "STRING" else last.text

    def _terminal(self, i: int) -> str:
        return self._lexemes[i].terminal if 0 <= i < len(self._lexemes) else ""


def _of_definition(lexeme: Lexeme, definition: Definition) -> Word | None:
    if definition.kind == "argument":
        return None
    target = Target(definition.names.source, definition.name.span, definition)
    return Word(lexeme, "variable" if definition.places is None else "macro", target)
