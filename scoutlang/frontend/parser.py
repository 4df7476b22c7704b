"""Source → syntax tree. The only file that touches the parser library.

The text is lexed once, cut into statements, and each statement is parsed on its own: after an error, reading goes on with the next one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedToken

from scoutlang.diagnostics import Diagnostic, Label
from scoutlang.frontend import statements, syntax_errors
from scoutlang.frontend.ast import RULES, Module, Name, Node, Number, Parts, Rule, Statement, Symbol, Text
from scoutlang.frontend.syntax_errors import Lexeme
from scoutlang.resources import resource
from scoutlang.source import Source, Span

MAX_CHARACTERS = 100_000
MAX_ERRORS = 30
MAX_OPEN_BRACKETS = 32

_PARTNER = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
_ENDS = ("NEWLINE", "SEMICOLON")


@dataclass(frozen=True)
class Parsed:
    """``broken``: verbs of statements that could not be read, so that later passes do not report them as missing."""

    module: Module
    diagnostics: tuple[Diagnostic, ...]
    broken: frozenset[str]


def parse(source: Source) -> Parsed:
    """All statements that can be read, and a diagnostic for each that cannot. Raises nothing, whatever the text."""
    unreadable = _unreadable(source.text)
    if unreadable:
        return Parsed(Module(source, ()), (unreadable,), frozenset())
    grammar = _grammar()
    found: list[Statement] = []
    diagnostics: list[Diagnostic] = []
    broken: set[str] = set()
    for tokens in _split(grammar.lex(source.text)):
        result = _parse_statement(grammar, source, tokens)
        if isinstance(result, Statement):
            found.append(result)
            continue
        diagnostics.append(result)
        broken.add(syntax_errors.intended_verb(tokens[0].value))
        if len(diagnostics) == MAX_ERRORS:
            diagnostics.append(too_many_errors())
            break
    return Parsed(Module(source, tuple(found)), tuple(diagnostics), frozenset(broken))


@cache
def _grammar() -> Lark:
    text = resource("grammar", "scout.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer="basic", start="statement", maybe_placeholders=False, postlex=_KeepAll())


class _KeepAll:
    """Makes the lexer emit the terminals that no rule uses: statement ends and unknown characters."""

    always_accept = (*_ENDS, "UNKNOWN")

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        return stream


def too_many_errors() -> Diagnostic:
    """What ends the messages about a hopeless file."""
    return Diagnostic("E006", f"{MAX_ERRORS} errors; the rest of the file was not looked at", help="mend the errors above and check again")


def _unreadable(text: str) -> Diagnostic | None:
    if len(text) > MAX_CHARACTERS:
        return Diagnostic("E003", f"the program has {len(text)} characters; more than {MAX_CHARACTERS} are not read")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        span = Span(error.start, error.end)
        return Diagnostic("E002", "the program is not text", Label(span, "half of a surrogate pair, which no text holds"))
    return None


def _split(tokens: Iterator[Token]) -> Iterator[list[Token]]:
    """Statements as lists of tokens, none empty, without their ends.

    A NEWLINE inside brackets ends a statement only when a verb follows: then a bracket was forgotten, and the next line is saved.
    """
    statement: list[Token] = []
    depth = 0
    after_newline = False
    for token in tokens:
        if token.type == "NEWLINE" and depth > 0:
            after_newline = True
            continue
        if token.type in _ENDS or (after_newline and token.value in statements.STATEMENTS):
            if statement:
                yield statement
            statement, depth = [], 0
        if token.type not in _ENDS:
            statement.append(token)
            depth += (token.type in _PARTNER) - (token.type in _PARTNER.values())
        after_newline = False
    if statement:
        yield statement


def _parse_statement(grammar: Lark, source: Source, tokens: list[Token]) -> Statement | Diagnostic:
    lexemes = [Lexeme(t.type, t.value, _span(t)) for t in tokens]
    problem = _too_deep(lexemes) or _not_representable(lexemes)
    if problem:
        return problem
    parser = grammar.parse_interactive()
    position = 0
    try:
        for position, token in enumerate(tokens):  # noqa: B007 - read after the loop
            parser.feed_token(token)
        position = len(tokens)
        tree: Tree[Token] = parser.feed_eof(tokens[-1])  # type: ignore[no-untyped-call]
    except UnexpectedToken:
        return syntax_errors.explain(lexemes, position, _accepted(grammar, tokens[:position]))
    node = _build(tree)
    assert isinstance(node, Statement)
    return node


def _accepted(grammar: Lark, tokens: list[Token]) -> frozenset[str]:
    """Names of the terminals that may follow these tokens."""
    parser = grammar.parse_interactive()
    for token in tokens:
        parser.feed_token(token)
    return frozenset(parser.accepts())  # type: ignore[no-untyped-call]


def _build(tree: Tree[Token] | Token) -> Node:
    """Depth is bounded by the grammar, which has no rule within itself."""
    if isinstance(tree, Token):
        return _leaf(tree)
    parts = Parts(_build(child) for child in tree.children)
    rule: type[Rule] = statements.STATEMENTS.get(tree.data) or RULES[tree.data]
    return rule.build(parts[0].span.cover(parts[-1].span), parts)


def _leaf(token: Token) -> Node:
    span = _span(token)
    if token.type == "NAME":
        return Name(span, token.value)
    if token.type == "NUMBER":
        return Number(span, float(token.value), token.value)
    if token.type == "STRING":
        return Text(span, token.value[1:-1])
    return Symbol(span, token.type, token.value)


def _span(token: Token) -> Span:
    assert token.start_pos is not None
    return Span(token.start_pos, token.start_pos + len(token.value))


def _too_deep(lexemes: list[Lexeme]) -> Diagnostic | None:
    depth = 0
    for lexeme in lexemes:
        depth += (lexeme.terminal in _PARTNER) - (lexeme.terminal in _PARTNER.values())
        if depth > MAX_OPEN_BRACKETS:
            return Diagnostic("E004", f"more than {MAX_OPEN_BRACKETS} brackets are open at once", Label(lexeme.span, "one too many"))
    return None


def _not_representable(lexemes: list[Lexeme]) -> Diagnostic | None:
    for lexeme in lexemes:
        if lexeme.terminal == "NUMBER" and not math.isfinite(float(lexeme.text)):
            return Diagnostic("E017", "the number is too large", Label(lexeme.span, "larger than about 1.8e308"))
    return None
