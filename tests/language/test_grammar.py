"""The grammar file, the statement classes and the words of messages belong together."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import get_args

import pytest
from lark import Lark
from programs import CASES

import scoutlang
from scoutlang import ir
from scoutlang.language import parser
from scoutlang.language.statements import CLAIMING, STATEMENTS
from scoutlang.language.syntax.ast import RULES
from scoutlang.language.syntax_errors import SPOKEN
from scoutlang.support.resources import resource

ROOT = Path(__file__).parents[2]
GRAMMAR = resource("grammar", "scout.lark").read_text(encoding="utf-8")
CODE = "\n".join(
    line.partition("//")[0] if not line.startswith(("UNIT", "UNKNOWN")) else line
    for line in GRAMMAR.splitlines()
)


def test_every_statement_of_the_grammar_has_its_class_and_the_other_way_round() -> None:
    alternatives = re.search(r"^\?statement:(.*)$", CODE, re.MULTILINE)
    assert alternatives is not None
    assert {a.strip() for a in alternatives[1].split("|")} == set(STATEMENTS)


def test_every_other_rule_has_its_class_and_the_other_way_round() -> None:
    rules = set(re.findall(r"^([a-z]\w*):", CODE, re.MULTILINE))
    assert rules - set(STATEMENTS) == set(RULES)


def test_a_statement_file_is_named_as_its_rule() -> None:
    assert {cls.__module__.rpartition(".")[2].rstrip("_") for cls in STATEMENTS.values()} == set(
        STATEMENTS
    )


def test_the_example_of_each_statement_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("host.cif", "seed.cif"):
        shutil.copy(ROOT / "examples" / "structures" / "CuP2.cif", tmp_path / name)
    for rule, cls in STATEMENTS.items():
        before, after = (
            ("", "")
            if rule == "system"
            else ("", "\nsystem Cu-Si-P-Ca")
            if rule == "scout"
            else ("system Cu-Si-P-Ca\n", "")
        )
        result = scoutlang.check(before + cls.example + after)
        assert result.ok, (rule, result.diagnostics)
        assert {d.code for d in result.diagnostics} <= {"W070"}, (rule, result.diagnostics)


def test_no_terminal_is_anonymous() -> None:
    rules = "\n".join(
        line
        for line in CODE.splitlines()
        if not re.match(r"[A-Z]", line) and not line.startswith("%")
    )
    assert '"' not in rules
    assert "/" not in rules


def test_every_terminal_a_user_may_type_has_a_name_in_messages() -> None:
    terminals = set(re.findall(r"^([A-Z_]+)(?:\.-?\d+)?:", GRAMMAR, re.MULTILINE))
    verbs = {s.upper() for s in STATEMENTS}
    silent = {
        "DOUBLE_EQUAL",
        "LOOKALIKE_DASH",
        "UNKNOWN",
        "NEWLINE",
        "SEMICOLON",
        "BLANK",
        "COMMENT",
    }
    assert terminals - verbs - silent == set(SPOKEN) - {"$END"}


def test_spans_point_at_their_text() -> None:
    text = "system Cu-P; require four: CN(Cu-P, r=2.6 Å) = 4 ± 0.3 weight 2"
    module = scoutlang.check(text).module
    require = module.as_data()["statements"][1]
    claim = require["claim"]

    def source(node: dict[str, list[int]]) -> str:
        return text[slice(*node["span"])]

    assert source(require) == "require four: CN(Cu-P, r=2.6 Å) = 4 ± 0.3 weight 2"
    assert source(claim["label"]["name"]) == "four"
    call, link = claim["body"]["first"], claim["body"]["links"][0]
    assert source(call) == "CN(Cu-P, r=2.6 Å)"
    assert source(call["arguments"][0]["operands"][1]) == "P"
    assert source(call["arguments"][1]["links"][0]["value"]["unit"]) == "Å"
    assert source(link["tolerance"]) == "± 0.3"


def test_words_are_cut_as_lark_cuts_them() -> None:
    """Our lexer is one expression for speed; Lark's own is the reference. What the grammar ignores
    is not compared.
    """
    reference = Lark(
        GRAMMAR, parser="lalr", lexer="basic", start="statement", maybe_placeholders=False
    )
    ignored = {"COMMENT", "NEWLINE", "SEMICOLON", "UNKNOWN"}
    library = [
        (path.name, path.read_text(encoding="utf-8")) for path in ROOT.glob("stdlib/*.scout")
    ]
    for name, text in [*((case.name, case.program) for case in CASES), *library]:
        ours = [
            (x.terminal, x.text, x.start)
            for x in parser._grammar().lex(text)
            if x.terminal not in ignored
        ]
        assert ours == [(t.type, t.value, t.start_pos) for t in reference.lex(text)], name


def test_claims_are_what_a_program_holds() -> None:
    assert set(CLAIMING) == set(get_args(ir.Verb))
    for verb in CLAIMING:
        claim = STATEMENTS[verb]
        term = scoutlang.check(f"system Cu-P\n{verb} CN(Cu-P) = 4").program.terms[0]
        assert (term.verb, term.steers) == (verb, claim.steers)  # type: ignore[attr-defined]
