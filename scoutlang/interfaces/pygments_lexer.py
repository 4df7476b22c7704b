"""Colours for programs by Pygments: on the page of a run, at the prompt of the REPL, in Sphinx and
MkDocs pages, in LaTeX by minted, by ``pygmentize -l scout``.
"""

from __future__ import annotations

from typing import ClassVar

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import RegexLexer, bygroups, include, words
from pygments.style import Style
from pygments.token import (
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
    string_to_tokentype,
)

from scoutlang.interfaces.words import by_kind
from scoutlang.language import parser
from scoutlang.language.statements import CLAIMING, DEFINING, SETTINGS
from scoutlang.support.colours import TOKENS

_TERMINALS = parser.patterns()
_WORDS = by_kind()
_NAME = _TERMINALS["NAME"]
_UNIT = words(sorted(_WORDS["unit"], key=len, reverse=True), suffix=r"(?![\w^])").get()
_SIGNS = "|".join(
    _TERMINALS[t] for t in ("PLUS_MINUS", "ARROW", "DOUBLE_EQUAL", "LESS_EQUAL", "GREATER_EQUAL")
)


def _groups_off(pattern: str) -> str:
    """A pattern of the grammar without groups of its own."""
    return pattern.replace("(", "(?:")


def _alone(chosen: list[str]) -> words:
    return words(chosen, prefix=r"(?<![\w.])", suffix=r"(?![\w.])")


class ScoutLexer(RegexLexer):  # type: ignore[misc]  # Pygments has no types
    """Lexer of .scout programs. Its words are those of the installed language, without plug-ins."""

    name = "Scout"
    url = "https://arxiv.org/abs/2604.13354"
    aliases: ClassVar[list[str]] = ["scout"]
    filenames: ClassVar[list[str]] = ["*.scout"]
    mimetypes: ClassVar[list[str]] = ["text/x-scout"]

    tokens: ClassVar[dict[str, list[object]]] = {
        "always": [
            (_TERMINALS["COMMENT"], Comment.Single),
            (_TERMINALS["STRING"], String),
            (
                rf"({_groups_off(_TERMINALS['NUMBER'])})([^\S\n]*)({_UNIT})",
                bygroups(Number, Text, Keyword.Type),
            ),
            (_groups_off(_TERMINALS["NUMBER"]), Number),
            (rf"(\])([^\S\n]*)({_UNIT})", bygroups(Punctuation, Text, Keyword.Type)),
            (_SIGNS, Operator),
            (r"[=<>*/^+-]", Operator),
            (r"[()\[\]{},:.]", Punctuation),
            (r"[^\S\n]+", Text),
        ],
        "root": [
            (r"[\n;]", Text),
            (_alone(list(SETTINGS)), Keyword, "settings"),
            (
                rf"\b({'|'.join(CLAIMING)})([^\S\n]+)({_NAME})([^\S\n]*)(?=:)",
                bygroups(Keyword, Text, Name.Label, Text),
            ),
            (
                rf"\b({'|'.join(DEFINING)})([^\S\n]+)({_NAME})",
                bygroups(Keyword, Text, Name.Variable),
            ),
            include("always"),
            (_alone(_WORDS["statement"]), Keyword),
            (_alone(_WORDS["keyword"]), Operator.Word),
            (_alone(_WORDS["function"]), Name.Builtin),
            (_alone(_WORDS["descriptor"]), Name.Function),
            (_alone(_WORDS["value"]), Name.Constant),
            (_alone(_WORDS["element"]), Name.Class),
            (_NAME, Name),
            (".", Text),
        ],
        "settings": [
            (r"[\n;]", Text, "#pop"),
            include("always"),
            (_alone(_WORDS["setting"]), Name.Attribute),
            (_alone(_WORDS["value"]), Name.Constant),
            (_NAME, Name),
            (".", Text),
        ],
    }


class TerminalStyle(Style):  # type: ignore[misc]
    """The colours of a program in a terminal, also for prompt_toolkit's
    ``style_from_pygments_cls``.
    """

    name = "scout-terminal"
    styles: ClassVar[dict[object, str]] = {
        string_to_tokentype(kind): f"noinherit {token.ink.style}".rstrip()
        for kind, token in TOKENS.items()
    }


def html_lines(program: str) -> list[Markup]:
    """The lines of a program for a page: escaped, each token in a ``span`` of Pygments' class for
    it.
    """
    # Pygments would take a lone carriage return for the end of a line, which the language does not.
    text = program.replace("\r\n", "\n").replace("\r", " ")
    lexer = ScoutLexer(stripnl=False, ensurenl=False)
    markup: str = highlight(text, lexer, HtmlFormatter(nowrap=True))
    lines = markup.split("\n")[: text.count("\n") + 1]  # the formatter ends the last one, too
    return [Markup(line) for line in lines]
