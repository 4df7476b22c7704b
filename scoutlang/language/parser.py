"""Source → syntax tree. The only file that touches the parser library.

The text is lexed once, cut into statements, and each statement is parsed on its own: after an
error, reading goes on with the next one. The tree of a statement depends on the kinds of its words
only, so a file of many statements of the same form is parsed once per form.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

import lark
from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedToken
from lark.grammar import Rule as GrammarRule
from lark.lexer import TerminalDef

from scoutlang.ir.source import MAX_CHARACTERS, Source, Span
from scoutlang.language import syntax_errors
from scoutlang.language.diagnostics import Diagnostic, Label
from scoutlang.language.statements import STATEMENTS
from scoutlang.language.statements.statement import Module, Statement
from scoutlang.language.syntax.ast import RULES, Name, Node, Number, Rule, Symbol, Text
from scoutlang.language.syntax.lexeme import CLOSED_BY, CLOSING, Lexeme
from scoutlang.support.resources import resource

GRAMMAR, TABLES = "scout.lark", "tables.json"
MAX_LINE = 100_000
MAX_STATEMENTS = 20_000
MAX_ERRORS = 30
MAX_DEPTH = 32

_ENDS = ("NEWLINE", "SEMICOLON")
_SIGNS = frozenset({"HYPHEN", "PLUS"})
_PREFIXES = frozenset({"NOT", "EACH", "ANY", "HYPHEN", "PLUS"})

# What only holds other parts together: no node is made of it.
_PUNCTUATION = frozenset(
    {
        *CLOSED_BY,
        *CLOSING,
        "COMMA",
        "COLON",
        "DOT",
        "ARROW",
        "PLUS_MINUS",
        *(verb.upper() for verb in STATEMENTS),
    }
)
_KEYWORD = re.compile(r"(\w+)\\b")


class Shape(NamedTuple):
    """The tree of a statement without its words: numbers stand for the lexemes at those
    positions.
    """

    rule: type[Rule]
    first: int
    last: int
    children: tuple[Shape | int, ...]


@dataclass(frozen=True)
class Parsed:
    """What was read of a program."""

    module: Module
    diagnostics: tuple[Diagnostic, ...]
    broken: frozenset[str]
    """Verbs of statements that could not be read, so that later passes do not report them as
    missing.
    """
    comments: tuple[Lexeme, ...] = ()
    """In reading order, with the ``#``."""


def parse(source: Source) -> Parsed:
    """All statements that can be read, and a diagnostic for each that cannot. Raises nothing,
    whatever the text.
    """
    unreadable = _unreadable(source)
    if unreadable:
        return Parsed(Module(source, ()), (unreadable,), frozenset())
    grammar = _grammar()
    lexemes = grammar.lex(source.text)
    comments = tuple(x for x in lexemes if x.terminal == "COMMENT")
    shapes: dict[tuple[str, ...], Shape] = {}
    found: list[Statement] = []
    diagnostics: list[Diagnostic] = []
    broken: set[str] = set()
    for statement in _split(x for x in lexemes if x.terminal != "COMMENT"):
        if len(found) == MAX_STATEMENTS:
            diagnostics.append(_too_many_statements(statement[0]))
            break
        result = _parse_statement(grammar, statement, shapes)
        if isinstance(result, Statement):
            found.append(result)
            continue
        diagnostics.append(result)
        broken.add(syntax_errors.intended_verb(statement[0].text))
        if len(diagnostics) == MAX_ERRORS:
            diagnostics.append(too_many_errors())
            break
    return Parsed(Module(source, tuple(found)), tuple(diagnostics), frozenset(broken), comments)


def words(text: str) -> list[Lexeme]:
    """The lexemes of a statement without comments and line ends, each unit as one."""
    return _with_units([x for x in _grammar().lex(text) if x.terminal not in ("COMMENT", *_ENDS)])


def split(text: str) -> tuple[list[list[Lexeme]], list[Lexeme]]:
    """A text, however broken, as the lexemes of its statements and its comments. Units are not
    joined.
    """
    lexemes = _grammar().lex(text)
    comments = [x for x in lexemes if x.terminal == "COMMENT"]
    return list(_split(x for x in lexemes if x.terminal != "COMMENT")), comments


def statement_before(text: str) -> list[Lexeme]:
    """The lexemes of the statement that a text breaks off in, comments too; none where it has
    ended. Units are not joined.
    """
    statement: list[Lexeme] = []
    depth = 0
    after_newline = False
    for found in _grammar().lex(text):
        lexeme = _inside(found) if statement else found
        ends = lexeme.terminal == "SEMICOLON" or (lexeme.terminal == "NEWLINE" and depth <= 0)
        if ends or (after_newline and _is_verb(lexeme)):
            statement, depth = [], 0
        after_newline = lexeme.terminal == "NEWLINE"
        if lexeme.terminal not in _ENDS:
            statement.append(lexeme)
            depth += lexeme.nesting
    return statement


def may_follow(lexemes: Sequence[Lexeme]) -> frozenset[str]:
    """Terminals that may follow the beginning of a statement, ``$END`` where it may end; none where
    it is no beginning of any.
    """
    return _grammar().may_follow(
        [x.terminal for x in _with_units([x for x in lexemes if x.terminal != "COMMENT"])]
    )


def verbs() -> tuple[str, ...]:
    """The words that statements begin with, in the order of the grammar."""
    return _grammar().verbs


def patterns() -> Mapping[str, str]:
    """Terminal → its regular expression, for what shows programs in colours."""
    return _grammar().patterns


@cache
def _grammar() -> Grammar:
    return Grammar()


class Grammar:
    """The grammar, ready to use.

    Building the tables of the parser takes longer than checking a program, so they are kept in a
    file beside the grammar: ``python -m scoutlang.language.parser`` writes it anew. A file that
    does not belong to the grammar is not used.
    """

    def __init__(self) -> None:
        text = resource("grammar", GRAMMAR).read_text(encoding="utf-8")
        tables = resource("grammar", TABLES)
        found = (
            json.loads(tables.read_text(encoding="utf-8"), object_pairs_hook=_with_numbers)
            if tables.exists()
            else {}
        )
        usable = found.get("grammar") == _digest(text) and found.get("lark") == lark.__version__
        self._lark: Lark = Lark.load(found["tables"]) if usable else _built(text)

    def lex(self, text: str) -> list[Lexeme]:
        """All of the text as lexemes, comments too, blanks not."""
        lexemes = []
        words, pattern = self._words, self._pattern
        for match in pattern.finditer(text):
            terminal = match.lastgroup
            if terminal is not None:  # None: the end
                found = match[terminal]
                if terminal == "NAME":
                    terminal = words.get(found, terminal)
                lexemes.append(Lexeme(terminal, found, match.end() - len(found)))
        return lexemes

    @cached_property
    def _words(self) -> dict[str, str]:
        """Reserved word → its terminal."""
        words = ((_KEYWORD.fullmatch(t.pattern.value), t.name) for t in self._lark.terminals)
        return {match[1]: name for match, name in words if match}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """The terminals as one expression, in the order of a Lark lexer, whose own loop takes
        several times as long.

        Reserved words are names first, which are tried before the rest, because nothing else begins
        like them; the blanks before a terminal go with it.
        """
        left_out = {*self._words.values(), "BLANK"}
        terminals = sorted(
            (t for t in self._lark.terminals if t.name not in left_out),
            key=lambda t: (
                t.name != "NAME",
                -t.priority,
                -t.pattern.max_width,
                -len(t.pattern.value),
                t.name,
            ),
        )
        blank = next(t.pattern.to_regexp() for t in self._lark.terminals if t.name == "BLANK")
        alternatives = "|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in terminals)
        return re.compile(rf"(?:{blank})?+(?:{alternatives}|\Z)")

    def shape(self, terminals: Sequence[str]) -> Shape | int:
        """The tree over the positions of these terminals, or the position (len: the end) where they
        cannot go on.
        """
        parser = self._lark.parse_interactive()
        position = 0
        try:
            for position, terminal in enumerate(terminals):
                parser.feed_token(Token(terminal, position))
            position = len(terminals)
            tree: Tree[Token] = parser.feed_eof()  # type: ignore[no-untyped-call]
        except UnexpectedToken:
            return position
        return _shape(tree)

    def may_follow(self, terminals: Sequence[str]) -> frozenset[str]:
        """Names of the terminals that may follow these, which may be no beginning of a statement:
        then none.
        """
        try:
            return self.accepted(terminals)
        except UnexpectedToken:
            return frozenset()

    @property
    def patterns(self) -> Mapping[str, str]:
        return {t.name: t.pattern.to_regexp() for t in self._lark.terminals}

    @property
    def verbs(self) -> tuple[str, ...]:
        alternatives = (r for r in self._lark.rules if r.origin.name == "statement")
        return tuple(r.expansion[0].name for r in sorted(alternatives, key=lambda r: r.order))

    def accepted(self, terminals: Sequence[str]) -> frozenset[str]:
        """Names of the terminals that may follow these."""
        parser = self._lark.parse_interactive()
        for terminal in terminals:
            parser.feed_token(Token(terminal, ""))
        return frozenset(parser.accepts())  # type: ignore[no-untyped-call]


def tables() -> str:
    """The text of the file of tables."""
    text = resource("grammar", GRAMMAR).read_text(encoding="utf-8")
    data, memo = _built(text).memo_serialize([TerminalDef, GrammarRule])
    content = {
        "grammar": _digest(text),
        "lark": lark.__version__,
        "tables": {"data": data, "memo": memo},
    }
    return json.dumps(content, separators=(",", ":"), sort_keys=True) + "\n"


def _built(text: str) -> Lark:
    return Lark(text, parser="lalr", lexer="basic", start="statement", maybe_placeholders=False)


def _digest(text: str) -> str:
    """Tells grammars apart; no more is needed of it, and hashlib takes longer to import."""
    return f"{zlib.crc32(text.encode()):08x}"


def _with_numbers(pairs: list[tuple[str, Any]]) -> dict[str | int, Any]:
    """JSON has made texts of the whole numbers that are keys in the tables."""
    return {int(k) if k.isdigit() else k: v for k, v in pairs}


def _shape(tree: Tree[Token]) -> Shape:
    """Depth is bounded by `MAX_DEPTH`."""
    rule: type[Rule] = STATEMENTS.get(tree.data) or RULES[tree.data]
    children = [_shape(c) if isinstance(c, Tree) else int(c.value) for c in tree.children]
    first, last = children[0], children[-1]
    kept = (
        c
        for c, t in zip(children, tree.children, strict=True)
        if not (isinstance(t, Token) and t.type in _PUNCTUATION)
    )
    return Shape(
        rule,
        first if isinstance(first, int) else first.first,
        last if isinstance(last, int) else last.last,
        tuple(kept),
    )


def too_many_errors() -> Diagnostic:
    """What ends the messages about a hopeless file."""
    return Diagnostic(
        "E006",
        f"{MAX_ERRORS} errors; the rest of the file was not looked at",
        help="mend the errors above and check again",
    )


def _too_many_statements(first: Lexeme) -> Diagnostic:
    label = Label(first.span, "this one and what follows was not looked at")
    return Diagnostic("E003", f"more than {MAX_STATEMENTS} statements", label)


def _unreadable(source: Source) -> Diagnostic | None:
    text = source.text
    if len(text) > MAX_CHARACTERS:
        return Diagnostic(
            "E003",
            f"the program has {len(text)} characters; more than {MAX_CHARACTERS} are not read",
        )
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        span = Span(error.start, error.end)
        return Diagnostic(
            "E002",
            "the program is not text",
            Label(span, "half of a surrogate pair, which no text holds"),
        )
    longest = max(text.split("\n"), key=len)
    if len(longest) > MAX_LINE:
        return Diagnostic(
            "E003", f"a line has {len(longest)} characters; more than {MAX_LINE} are not read"
        )
    return None


_LATER = frozenset(verb.upper() for verb, statement in STATEMENTS.items() if statement.since > 1)
"""Terminals of statements that version 1 had not: elsewhere in a statement they are names, as they
were.
"""


def _inside(lexeme: Lexeme) -> Lexeme:
    """A lexeme that is not the first of its statement."""
    return lexeme._replace(terminal="NAME") if lexeme.terminal in _LATER else lexeme


def _is_verb(lexeme: Lexeme) -> bool:
    return lexeme.text in STATEMENTS and lexeme.terminal != "NAME"


def _split(lexemes: Iterator[Lexeme]) -> Iterator[list[Lexeme]]:
    """Statements as lists of lexemes, none empty, without their ends.

    A NEWLINE inside brackets ends a statement only when a verb follows: then a bracket was
    forgotten, and the next line is saved.
    """
    statement: list[Lexeme] = []
    depth = 0
    after_newline = False
    for found in lexemes:
        if found.terminal == "NEWLINE" and depth > 0:
            after_newline = True
            continue
        lexeme = _inside(found) if statement else found
        if lexeme.terminal in _ENDS or (after_newline and _is_verb(lexeme)):
            if statement:
                yield statement
            statement, depth = [], 0
        if lexeme.terminal not in _ENDS:
            statement.append(lexeme)
            depth += lexeme.nesting
        after_newline = False
    if statement:
        yield statement


def _parse_statement(
    grammar: Grammar, lexemes: list[Lexeme], shapes: dict[tuple[str, ...], Shape]
) -> Statement | Diagnostic:
    lexemes = _with_units(lexemes)
    terminals = tuple([x.terminal for x in lexemes])
    shape = shapes.get(terminals)
    # These two look at terminals only, so a form that was read before has passed them.
    problem = (
        _not_representable(lexemes)
        if shape
        else _too_deep(lexemes) or _two_signs(lexemes) or _not_representable(lexemes)
    )
    if problem:
        return problem
    if shape is None:
        found = grammar.shape(terminals)
        if isinstance(found, int):
            return syntax_errors.explain(lexemes, found, grammar.accepted(terminals[:found]))
        shape = shapes[terminals] = found
    node = _build(shape, lexemes)
    assert isinstance(node, Statement)
    return node


def _with_units(lexemes: list[Lexeme]) -> list[Lexeme]:
    """A word after a number together with the ``^3``, ``/atom`` that touch it is one UNIT: only
    there a caret or a slash is part of a unit.
    """
    if not any(x.terminal in ("CARET", "SLASH") for x in lexemes):
        return lexemes
    joined: list[Lexeme] = []
    position = 0
    while position < len(lexemes):
        lexeme = lexemes[position]
        position += 1
        if (
            lexeme.terminal in ("NAME", "UNIT")
            and joined
            and joined[-1].terminal in ("NUMBER", "RSQB")
        ):
            end = position
            while (step := _unit_part(lexemes, end)) > 0:
                end += step
            if end > position:
                text = "".join(x.text for x in lexemes[position - 1 : end])
                lexeme = Lexeme("UNIT", text, lexeme.start)
                position = end
        joined.append(lexeme)
    return joined


def _unit_part(lexemes: list[Lexeme], position: int) -> int:
    """How many lexemes at the position, touching what is before, go on with a unit: ``^ 3``, ``^ -
    1``, ``/ atom``.
    """
    for kinds in (("CARET", "NUMBER"), ("CARET", "HYPHEN", "NUMBER"), ("SLASH", "NAME")):
        part = lexemes[position : position + len(kinds)]
        touching = all(
            b.start == a.end
            for a, b in zip(lexemes[position - 1 : position - 1 + len(part)], part, strict=False)
        )
        called = lexemes[position + len(kinds) : position + len(kinds) + 1]
        if (
            tuple(x.terminal for x in part) == kinds
            and touching
            and not (called and called[0].terminal == "LPAR")
        ):
            return len(kinds)
    return 0


def _build(shape: Shape, lexemes: Sequence[Lexeme]) -> Node:
    rule, first, last, children = shape
    parts = [_leaf(lexemes[c]) if isinstance(c, int) else _build(c, lexemes) for c in children]
    # From the lexemes: brackets that the tree leaves out belong to the place of what has them at
    # its end.
    return rule.build(Span(lexemes[first].start, lexemes[last].end), parts)


def _leaf(lexeme: Lexeme) -> Node:
    terminal, text, start = lexeme
    span = Span(start, start + len(text))
    if terminal == "NAME":
        return Name(span, text)
    if terminal == "NUMBER":
        return Number(span, float(text), text)
    if terminal == "STRING":
        return Text(span, text[1:-1])
    return Symbol(span, terminal, text)


def _too_deep(lexemes: list[Lexeme]) -> Diagnostic | None:
    """Open brackets, and the ``not``, ``each`` and signs before them, count as levels."""
    enclosing: list[int] = []
    depth = 0
    for lexeme in lexemes:
        terminal = lexeme.terminal
        if terminal in CLOSED_BY:
            depth += 1
            enclosing.append(depth)
        elif terminal in CLOSING:
            if enclosing:
                enclosing.pop()
            depth = enclosing[-1] if enclosing else 0
        elif terminal in _PREFIXES:
            depth += 1
        else:
            depth = enclosing[-1] if enclosing else 0
        if depth > MAX_DEPTH:
            return Diagnostic(
                "E004",
                f"more than {MAX_DEPTH} levels of brackets and signs",
                Label(lexeme.span, "one too many"),
            )
    return None


def _two_signs(lexemes: list[Lexeme]) -> Diagnostic | None:
    """``4 + -0.3`` and ``4 -+ 0.3`` are slips for ``4 ± 0.3``, not 3.7. Found here, so that `scout
    fmt` does not make sense of them.
    """
    for before, first, second in zip(lexemes, lexemes[1:], lexemes[2:], strict=False):
        if first.terminal in _SIGNS and second.terminal in _SIGNS:
            tolerance = before.terminal in ("NUMBER", "UNIT")
            text = "a tolerance is written `± 0.3`" if tolerance else "one is enough"
            text += "; a negative number after an operator stands in brackets"
            return Diagnostic.at("E010", "two signs in a row", first.span.cover(second.span), text)
    return None


def _not_representable(lexemes: list[Lexeme]) -> Diagnostic | None:
    for lexeme in lexemes:
        if lexeme.terminal == "NUMBER" and not math.isfinite(float(lexeme.text)):
            return Diagnostic(
                "E017", "the number is too large", Label(lexeme.span, "larger than about 1.8e308")
            )
    return None


if __name__ == "__main__":
    resource("grammar", TABLES).write_text(tables(), encoding="utf-8")
