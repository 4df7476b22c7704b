"""The definitions for editors: made of the grammar as it is, and right about programs."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from html import unescape
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import run
from pygments import highlight
from pygments.formatters import Terminal256Formatter
from pygments.token import (
    Comment,
    Error,
    Keyword,
    Name,
    Number,
    Operator,
    String,
    string_to_tokentype,
)

from scoutlang.interfaces import editor_syntax
from scoutlang.interfaces.lsp import tokens
from scoutlang.interfaces.pygments_lexer import ScoutLexer, TerminalStyle, html_lines
from scoutlang.interfaces.words import KEYWORDS, by_kind, reserved
from scoutlang.ir.source import Source
from scoutlang.language import parser
from scoutlang.language.statements import CLAIMING, DEFINING, STATEMENTS
from scoutlang.language.statements.statement import Statement
from scoutlang.support.colours import TOKENS as TOKENS_SHOWN
from tools import vsix

ROOT = Path(__file__).parents[3]
EDITORS = ROOT / "grammar" / "editors"
EXAMPLES = sorted([*(ROOT / "examples").rglob("*.scout"), *(ROOT / "stdlib").glob("*.scout")])
ODD = """\
param rc = 2.6 Å in [2.3, 2.9] nm # "no string"
require tetra: each CN(Cu-P, r=rc) = 4 ± 0.3 weight 2; prefer density as low as possible
expect e_above_hull<0.2eV/atom; guide k=0.8, from 0.9, method paper; expect novel
let required = 1e-3 Å^3
sample 256 model "runs/x # y" seed 7 # sample
"""
KINDS = {
    "tetra": "label", "rc": "definition", "Å": "unit", "nm": "unit", "eV/atom": "unit", "Å^3": "unit", "4": "number", "1e-3": "number",
    "Cu": "element", "CN": "descriptor", "e_above_hull": "descriptor", "each": "keyword", "weight": "keyword", "k": "setting",
    "from": "setting", "seed": "setting", "paper": "value", "low": "value", "require": "statement", "guide": "statement",
    "sample": "statement", '# "no string"': "comment", '"runs/x # y"': "string", "±": "operator", "required": "definition",
}  # fmt: skip


def test_the_files_are_those_that_the_grammar_makes() -> None:
    """After a change of the language: ``python -m scoutlang.interfaces.editor_syntax``."""
    for name, text in editor_syntax.files().items():
        assert (EDITORS / name).read_text(encoding="utf-8") == text, name


def test_every_reserved_word_is_in_the_table() -> None:
    assert reserved() == set(KEYWORDS) | set(STATEMENTS)


def test_every_terminal_is_known_to_the_editors() -> None:
    """A new sign of the language must get a colour, or be named here as one that needs none."""
    plain = (
        "LPAR RPAR LSQB RSQB LBRACE RBRACE COMMA COLON DOT SEMICOLON NEWLINE BLANK UNKNOWN".split()
    )
    words = {
        terminal
        for terminal, pattern in parser.patterns().items()
        if re.fullmatch(r"(?:\(\?:)?(\w+)\\b\)?", pattern)
    }
    coloured = tokens.OPERATORS | {"NAME", "NUMBER", "STRING", "UNIT", "COMMENT"}
    assert set(parser.patterns()) - words == coloured | set(plain)


@pytest.mark.parametrize("sign", "± +- +/- -> → == = <= ≤ < >= ≥ > * / ^ + -".split())
def test_every_operator_has_its_colour(sign: str) -> None:
    assert parser.split(f"require 1 {sign} 2")[0][0][2].terminal in tokens.OPERATORS
    assert (sign, "operator") in textmate(f"require 1 {sign} 2")
    assert (sign, "operator") in {
        (text, TOKENS.get(token)) for token, text in ScoutLexer().get_tokens(f"require 1 {sign} 2")
    }


def test_verbs_that_name_something_are_those_of_the_grammar() -> None:
    """Labels stand behind claims, definitions behind three verbs; the patterns name these verbs."""
    labelled = {
        verb
        for verb in STATEMENTS
        if not parser.parse(Source("x", f"{verb} mine: CN(Cu-P) = 4")).diagnostics
    }
    defining = {
        verb
        for verb, statement in STATEMENTS.items()
        if "name" in statement._fields and statement.declare is not Statement.declare
    }
    for verb in STATEMENTS:
        assert (("mine", "label") in textmate(f"{verb} mine: 4")) == (verb in labelled)
        assert (("mine", "definition") in textmate(f"{verb} mine = 4")) == (verb in defining)
    assert labelled == {*CLAIMING}
    assert defining == {*DEFINING}


# ---- TextMate, by its rules: the leftmost match wins, of those the first ----


class TextMate:
    """As much of a TextMate engine as the grammar needs."""

    def __init__(self, grammar: dict[str, Any]) -> None:
        self._repository = grammar["repository"]
        self._root = grammar["patterns"]

    def _flat(self, patterns: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for pattern in patterns:
            if "include" in pattern:
                yield from self._flat(self._repository[pattern["include"][1:]]["patterns"])
            else:
                yield pattern

    def pieces(self, line: str) -> Iterator[tuple[str, str]]:
        inside: dict[str, Any] | None = None
        at = 0
        while at <= len(line):
            patterns = list(self._flat(inside["patterns"] if inside else self._root))
            found = [
                (m.start(), i, m, p)
                for i, p in enumerate(patterns)
                if (m := _expression(p.get("match") or p["begin"]).search(line, at))
            ]
            start, _, match, pattern = min(
                found, key=lambda f: f[:2], default=(len(line) + 1, 0, None, {})
            )
            end = _expression(inside["end"]).search(line, at) if inside else None
            if end is not None and end.start() <= start:
                inside, at = None, end.end()
                if match is None:
                    return
                continue
            if match is None:
                return
            captures = pattern.get("captures") or pattern.get("beginCaptures") or {}
            if "name" in pattern:
                yield match[0], pattern["name"]
            yield from ((match[int(n)], c["name"]) for n, c in captures.items() if match[int(n)])
            inside = pattern if "begin" in pattern else inside
            at = max(match.end(), at + (match.end() == match.start()))


def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace(r"\x{30a}", "\u030a"))


SCOPES = {
    "entity.name.label": "label", "variable.other.definition": "definition", "keyword.other.unit": "unit", "constant.numeric": "number",
    "support.class.element": "element", "support.function.descriptor": "descriptor", "keyword.operator.word": "keyword",
    "variable.parameter": "setting", "constant.language": "value", "keyword.control": "statement", "comment.line.number-sign": "comment",
    "string.quoted.double": "string", "keyword.operator": "operator", "support.function": "function",
}  # fmt: skip


def textmate(text: str) -> list[tuple[str, str]]:
    grammar = json.loads(
        (EDITORS / "vscode/syntaxes/scout.tmLanguage.json").read_text(encoding="utf-8")
    )
    engine = TextMate(grammar)
    return [
        (piece, SCOPES[scope.removesuffix(".scout")])
        for line in text.split("\n")
        for piece, scope in engine.pieces(line)
    ]


def test_textmate_knows_the_words() -> None:
    found = textmate(ODD)
    assert set(KINDS.items()) <= set(found)
    assert ("require", "statement") in found
    assert not any(piece == "sample" and kind == "comment" for piece, kind in found)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_textmate_sees_what_the_lexer_sees(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert _of_lexer(text) == [
        (p, k) for p, k in textmate(text) if k in ("comment", "string", "number")
    ]


def _of_lexer(text: str) -> list[tuple[str, str]]:
    statements, comments = parser.split(text)
    lexemes = sorted((x for part in [*statements, comments] for x in part), key=lambda x: x.start)
    return [
        (x.text, x.terminal.lower())
        for x in lexemes
        if x.terminal in ("COMMENT", "STRING", "NUMBER") and not _in_unit(text, x.start)
    ]


def _in_unit(text: str, start: int) -> bool:
    """Whether a number is the power of a unit: ``Å^3``."""
    return text[start - 1 : start] == "^"


# ---- Pygments ----

TOKENS = {
    Name.Label: "label", Name.Variable: "definition", Keyword.Type: "unit", Number: "number", Name.Class: "element",
    Name.Function: "descriptor", Operator.Word: "keyword", Name.Attribute: "setting", Name.Constant: "value", Keyword: "statement",
    Comment.Single: "comment", String: "string", Operator: "operator",
}  # fmt: skip


def test_pygments_knows_the_words() -> None:
    found = {
        (text, TOKENS[token]) for token, text in ScoutLexer().get_tokens(ODD) if token in TOKENS
    }
    assert set(KINDS.items()) <= found


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_pygments_sees_what_the_lexer_sees(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tokens = list(ScoutLexer(stripnl=False, ensurenl=False).get_tokens(text))
    assert "".join(value for _, value in tokens) == text
    assert all(token is not Error for token, _ in tokens)
    assert _of_lexer(text) == [
        (v, TOKENS[t]) for t, v in tokens if t in (Comment.Single, String, Number)
    ]


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from('\r\n \t<&>"#Å±'))))
def test_markup_of_a_program_is_the_program(text: str) -> None:
    lines = [unescape(re.sub("<[^>]*>", "", line)) for line in html_lines(text)]
    assert lines == text.replace("\r\n", "\n").replace("\r", " ").split("\n")


def test_words_have_a_colour_in_the_terminal() -> None:
    shown = highlight(
        "expect CN(Cu-P) = 4 Å", ScoutLexer(), Terminal256Formatter(style=TerminalStyle)
    )
    assert "\x1b[34;01mexpect\x1b" in shown
    assert shown.endswith(" Å\n")  # though a unit is a keyword to Pygments
    emitted = {kind for path in EXAMPLES for kind, _ in ScoutLexer().get_tokens(path.read_text())}
    assert {string_to_tokentype(kind) for kind in TOKENS_SHOWN} <= emitted


def test_pygments_finds_the_lexer() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, name = project["entry-points"]["pygments.lexers"]["scout"].partition(":")
    assert getattr(importlib.import_module(module), name) is ScoutLexer


# ---- Vim ----

GROUPS = {
    "Label": "label", "Definition": "definition", "Unit": "unit", "Number": "number", "Element": "element", "Descriptor": "descriptor",
    "Keyword": "keyword", "Setting": "setting", "Value": "value", "Statement": "statement", "Comment": "comment", "String": "string",
    "Operator": "operator",
}  # fmt: skip


@pytest.mark.skipif(shutil.which("vim") is None, reason="needs Vim")
def test_vim_knows_the_words(tmp_path: Path) -> None:
    program, script, result = tmp_path / "odd.scout", tmp_path / "script.vim", tmp_path / "groups"
    program.write_text(ODD, encoding="utf-8")
    script.write_text(
        f"""
set encoding=utf-8
set runtimepath^={EDITORS / "vim"}
syntax on
filetype plugin on
edit {program}
let rows = [&filetype . ' ' . &formatprg]
for l in range(1, line('$'))
  call add(rows, join(map(range(1, len(getline(l))), 'synIDattr(synID(l, v:val, 1), "name")'), ','))
endfor
call writefile(rows, '{result}')
qall!
""",
        encoding="utf-8",
    )
    version = subprocess.run(
        ["vim", "--version"], capture_output=True, text=True, check=True
    ).stdout
    if "+syntax" not in version or "+eval" not in version:
        pytest.skip("this Vim has no syntax files")
    run(["vim", "-N", "-u", "NONE", "-es", "-S", str(script)], stdin=subprocess.DEVNULL)
    head, *rows = result.read_text(encoding="utf-8").splitlines()
    assert head == "scout scout fmt -"
    found = set()
    for line, row in zip(ODD.encode().split(b"\n"), rows, strict=False):
        at = 0
        for group, places in groupby(row.split(",")):
            length = len(list(places))
            found.add(
                (line[at : at + length].decode(), GROUPS.get(group.removeprefix("scout"), ""))
            )
            at += length
    assert set(KINDS.items()) <= found


# ---- VS Code ----


def test_the_extension_is_whole() -> None:
    folder = EDITORS / "vscode"
    package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    [language], [grammar] = package["contributes"]["languages"], package["contributes"]["grammars"]
    assert grammar["language"] == language["id"]
    for path in (language["configuration"], grammar["path"], package["main"]):
        assert (folder / path).is_file()
    json.loads((folder / language["configuration"]).read_text(encoding="utf-8"))
    # what the packager asks for, and the editor
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert package["version"] == vsix.manifest()["version"] == project["version"]
    assert package["license"] == project["license"] == "MIT"
    for key in ("name", "publisher", "displayName", "description", "categories", "keywords"):
        assert package[key], key
    assert re.fullmatch(r"[a-z][a-z0-9-]*", package["name"])
    assert language["extensions"] == [".scout"]
    # the client states from which VS Code on it works
    assert package["dependencies"] == {"vscode-languageclient": "9.0.1"}
    assert package["engines"] == {"vscode": "^1.82.0"}
    script = (folder / package["main"]).read_text(encoding="utf-8")
    asked = set(re.findall(r'getConfiguration\("scout"\)\.get\("(\w+)"\)', script))
    assert {f"scout.{name}" for name in asked} == set(
        package["contributes"]["configuration"]["properties"]
    )
    # what is not to be packaged must not hide what is
    ignored = (folder / ".vscodeignore").read_text(encoding="utf-8").split()
    assert not {package["main"], "README.md", grammar["path"].removeprefix("./")} & set(ignored)
    if shutil.which("node"):
        run(["node", "--check", str(folder / package["main"])], check=True)


def test_words_are_counted_once() -> None:
    for kind, chosen in by_kind().items():
        assert len(chosen) == len(set(chosen)), kind
