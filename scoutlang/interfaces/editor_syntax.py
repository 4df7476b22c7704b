"""Definitions for editors that colour by patterns, made of the words and terminals of the language:
TextMate for VS Code, syntax for Vim.

``python -m scoutlang.interfaces.editor_syntax`` writes the files in `grammar/editors`. Patterns
know words, not meanings; the language server does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from scoutlang.interfaces.words import Kind, by_kind
from scoutlang.language import parser
from scoutlang.language.statements import CLAIMING, DEFINING, SETTINGS
from scoutlang.support.resources import resource

FOLDER = ("grammar", "editors")
_NOTE = "Made by `python -m scoutlang.interfaces.editor_syntax` of the grammar and the catalogue."
_NAME = r"[^\W\d][\w\x{30a}]*"  # NAME of the grammar, in the spelling of Oniguruma
_OPERATORS = ("PLUS_MINUS", "ARROW", "DOUBLE_EQUAL", "LESS_EQUAL", "GREATER_EQUAL")
_WORDS: Mapping[Kind, tuple[str, str]] = {
    "statement": ("keyword.control", "Statement"),
    "keyword": ("keyword.operator.word", "Conditional"),
    "function": ("support.function", "Function"),
    "descriptor": ("support.function.descriptor", "Function"),
    "value": ("constant.language", "Constant"),
    "element": ("support.class.element", "Type"),
}
"""Kind of a word → its scope for TextMate, its group of colours for Vim."""

_SCOPES = {kind: f"{scope}.scout" for kind, (scope, _) in _WORDS.items()}
_UNIT = "keyword.other.unit.scout"
_VIM = {
    **{f"scout{kind.capitalize()}": group for kind, (_, group) in _WORDS.items()},
    "scoutSetting": "Identifier",
    "scoutLabel": "Label",
    "scoutDefinition": "Identifier",
    "scoutOperator": "Operator",
    "scoutNumber": "Number",
    "scoutUnit": "Special",
    "scoutString": "String",
    "scoutComment": "Comment",
}
"""Group of words → the group whose colours it has."""


def files() -> dict[str, str]:
    """Path in the folder → text."""
    return {
        "vscode/syntaxes/scout.tmLanguage.json": json.dumps(
            textmate(), ensure_ascii=False, indent=2
        )
        + "\n",
        "vim/syntax/scout.vim": vim(),
    }


# ---- TextMate ----


def textmate() -> dict[str, Any]:
    """The grammar that VS Code, Sublime Text and others read, with regular expressions of
    Oniguruma.
    """
    table, patterns = by_kind(), parser.patterns()
    # its brackets are no groups of ours
    number = r"(?<![\w.])" + re.sub(r"\((?!\?)", "(?:", patterns["NUMBER"])
    unit = _longest_first(table["unit"])
    operators = "|".join([*(patterns[t] for t in _OPERATORS), r"[=<>*/^+-]"])
    claims = [{"name": scope, "match": _whole(table[kind])} for kind, scope in _SCOPES.items()]
    quantity = [
        {
            "match": rf"({number})(?:[^\S\n]*({unit})(?![\w^]))?",
            "captures": {"1": {"name": "constant.numeric.scout"}, "2": {"name": _UNIT}},
        },
        {"match": rf"\][^\S\n]*({unit})(?![\w^])", "captures": {"1": {"name": _UNIT}}},
    ]
    return {
        "comment": _NOTE,
        "name": "Scout",
        "scopeName": "source.scout",
        "fileTypes": ["scout"],
        "patterns": [
            {
                "begin": rf"(?<![\w.])({'|'.join(SETTINGS)})(?!\w)",
                "beginCaptures": {"1": {"name": _SCOPES["statement"]}},
                "end": r"(?=[;\n])|$",
                "patterns": [
                    {"include": "#always"},
                    {"name": "variable.parameter.scout", "match": _whole(table["setting"])},
                    {"name": _SCOPES["value"], "match": _whole(table["value"])},
                ],
            },
            _naming(CLAIMING, r"[^\S\n]*(?=:)", "entity.name.label.scout"),
            _naming(DEFINING, "", "variable.other.definition.scout"),
            {"include": "#always"},
            *claims,
        ],
        "repository": {
            "always": {
                "patterns": [
                    {"name": "comment.line.number-sign.scout", "match": "#.*$"},
                    {"name": "string.quoted.double.scout", "match": r'"[^"\n]*"'},
                    *quantity,
                    {"name": "keyword.operator.scout", "match": operators},
                ]
            }
        },
    }


def _naming(verbs: Iterable[str], behind: str, scope: str) -> dict[str, Any]:
    """A statement that begins with one of the verbs and a name."""
    return {
        "match": rf"(?<![\w.])({'|'.join(verbs)})[^\S\n]+({_NAME}){behind}",
        "captures": {"1": {"name": _SCOPES["statement"]}, "2": {"name": scope}},
    }


def _whole(choices: Iterable[str]) -> str:
    """One of the words, alone and not behind a dot."""
    return rf"(?<![\w.])(?:{_longest_first(choices)})(?![\w.])"


def _longest_first(choices: Iterable[str]) -> str:
    return "|".join(
        re.escape(c).replace(r"\-", "-") for c in sorted(choices, key=lambda c: (-len(c), c))
    )


# ---- Vim ----


def vim() -> str:
    """The syntax file for Vim and Neovim."""
    table = by_kind()
    lines = [
        f'" {_NOTE}',
        'if exists("b:current_syntax")',
        "  finish",
        "endif",
        "syntax case match",
        "",
    ]
    for kind in _WORDS:
        chosen = [w for w in table[kind] if w not in SETTINGS]
        lines += [
            f"syntax keyword scout{kind.capitalize()} {' '.join(chosen[i : i + 12])}"
            for i in range(0, len(chosen), 12)
        ]
    settings = " ".join(table["setting"])
    claiming, defining, configuring = (r"\|".join(v) for v in (CLAIMING, DEFINING, SETTINGS))
    units = r"\|".join(
        re.sub(r"([/^])", r"\\\1", u) for u in sorted(table["unit"], key=lambda u: (-len(u), u))
    )
    lines += [
        f"syntax keyword scoutSetting contained {settings}",
        rf'syntax match scoutLabel "\%(\<\%({claiming}\)\s\+\)\@<=\K\k*\ze\s*:"',
        rf'syntax match scoutDefinition "\%(\<\%({defining}\)\s\+\)\@<=\K\k*"',
        r'syntax match scoutOperator "±\|+-\|+/-\|->\|→\|[<>=]=\|≤\|≥\|[-=<>*/^+]"',
        r'syntax match scoutNumber "\k\@1<!\%(\d\+\%(\.\d*\)\=\|\.\d\+\)\%([eE][+-]\=\d\+\)\="'
        " nextgroup=scoutUnit skipwhite",
        r'syntax match scoutBracket "\]" nextgroup=scoutUnit skipwhite',
        rf'syntax match scoutUnit contained "\%({units}\)\%(\k\|\^\)\@!"',
        r'syntax match scoutMember "\.\k\+"',
        r'syntax region scoutString start=+"+ end=+"+ oneline',
        r'syntax match scoutComment "#.*$" contains=@Spell',
        r'syntax region scoutSettings matchgroup=scoutStatement start="\<\%('
        + configuring
        + r'\)\>" end="$" end=";"me=e-1'
        " contains=scoutSetting,scoutValue,scoutNumber,scoutString,scoutComment,scoutOperator",
        "",
    ]
    lines += [f"highlight default link {group} {target}" for group, target in _VIM.items()]
    return "\n".join([*lines, "", 'let b:current_syntax = "scout"', ""])


def write() -> None:
    """Write the files anew."""
    for name, text in files().items():
        path = resource(*FOLDER) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
