"""`layout.formatted`: the usual form of programs, what stays and what changes."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import CASES, alone
from strategies import programs

import scoutlang
from scoutlang.ir.source import Source
from scoutlang.ir.units import find_unit
from scoutlang.language.formatter import WIDTH, formatted
from scoutlang.language.parser import parse

ROOT = Path(__file__).parents[2]
SHIPPED = [p for folder in ("examples", "stdlib") for p in sorted((ROOT / folder).rglob("*.scout"))]
WORDS = re.findall(
    r"\S+",
    "require system let x = ( ) { } [ ] , - - + * / ^ Cu P Cu-P CN( 4 .5 2. Å Å^3 ° and or not each implies in as ± # ; == –",
)

few = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def usual(text: str) -> str:
    result = formatted(Source("<text>", text))
    assert result.text is not None, result.diagnostics
    return result.text


def comments(text: str) -> Counter[str]:
    return Counter(c.text.rstrip() for c in parse(Source("<text>", text)).comments)


def tree(text: str) -> Any:
    """The syntax tree without its spans and spellings."""
    parsed = parse(Source("<text>", text))
    assert parsed.diagnostics == ()
    return _plain(parsed.module.as_data())


def _plain(data: Any) -> Any:
    if isinstance(data, list):
        return [_plain(d) for d in data]
    if not isinstance(data, dict):
        return data
    match data["node"]:
        case "Unit":
            unit = find_unit(data["text"])
            return {"unit": (unit.name, unit.dimension) if unit else data["text"]}
        case "Number":
            return {"number": data["value"]}
        case "Formula":
            return {"formula": data["written"]["text"]}
    spellings = {"DOUBLE_EQUAL": "EQUAL", "LOOKALIKE_DASH": "HYPHEN"}
    return {
        k: spellings.get(str(v), v) if k == "terminal" else _plain(v)
        for k, v in data.items()
        if k != "span"
    }


def holds(text: str) -> str:
    """All that must be true of the usual form of a program that can be read."""
    new = usual(text)
    assert usual(new) == new
    assert tree(new) == tree(text)
    assert comments(new) == comments(text)
    assert new == "" or (
        new.endswith("\n") and not new.startswith("\n") and not new.endswith("\n\n")
    )
    assert not re.search(r"[ \t\r]$|\n\n\n|\t", re.sub(r"#.*", "#", new), re.MULTILINE)
    old_result, new_result = scoutlang.check(text), scoutlang.check(new)
    mended = {"E015", "E016"}  # a dash that is no hyphen, `==`
    if not mended & {d.code for d in old_result.diagnostics}:
        assert [d.code for d in new_result.diagnostics] == [d.code for d in old_result.diagnostics]
        assert new_result.ok == old_result.ok
    if old_result.program and new_result.program:
        assert new_result.program.digest() == old_result.program.digest()
    return new


@few
@given(programs())
def test_any_program(text: str) -> None:
    holds(text)


@pytest.mark.slow
@settings(max_examples=700, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_many_programs(text: str) -> None:
    holds(text)


@few
@given(st.lists(st.sampled_from([*WORDS, "\n"]), max_size=12).map(" ".join))
def test_any_words(words: str) -> None:
    text = f"require {words}"
    if not parse(Source("<text>", text)).diagnostics:
        holds(text)


@pytest.mark.parametrize(
    "text",
    [
        *(pytest.param(case.program, id=case.name) for case in alone(CASES)),
        *(pytest.param(path.read_bytes().decode(), id=path.stem) for path in SHIPPED),
    ],
)
def test_every_program_of_the_repository(text: str) -> None:
    if parse(Source("<text>", text)).diagnostics:
        assert formatted(Source("<text>", text)).text is None
    else:
        holds(text)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_examples_and_the_library_are_in_the_usual_form(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert usual(text) == text, f"scout fmt {path.relative_to(ROOT)}"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("require CN(Cu–P)==4+-.3", "require CN(Cu-P) = 4 ± 0.3"),
        (
            "require CN( Cu - P , r = 2.6Ang )≤4,weight=2.",
            "require CN(Cu-P, r=2.6 Å) <= 4 weight 2",
        ),
        ("require CN(cation - anion) ≥ 3", "require CN(cation-anion) >= 3"),
        ("require abs(x-y) < 1", "require abs(x - y) < 1"),
        ("require fraction(x=4)>.5", "require fraction(x = 4) > 0.5"),
        ("require angle(P-Cu-P) = 109.5 deg ± 8 degrees", "require angle(P-Cu-P) = 109.5° ± 8°"),
        (
            "require volume_per_atom in [14,22]Å³/atom",
            "require volume_per_atom in [14, 22] Å^3/atom",
        ),
        ("require alpha in [80,100] deg", "require alpha in [80, 100]°"),
        ("require (a)+(b+c)-(b*c)/2 < 3", "require a + (b + c) - (b * c) / 2 < 3"),
        ("require -(a*b)^2 < -2^2*(-2)^2", "require -(a * b)^2 < -2^2 * (-2)^2"),
        ("require (2 Å)^3+2 Å^3 < a*b*c", "require (2 Å)^3 + 2 Å^3 < a * b * c"),
        ("require (a^b)^c + a^b^c < 2 Å / (3)", "require (a^b)^c + a^b^c < 2 Å / 3"),
        ("require a+(-b)-(-2)*(-c) < -(-x)", "require a + (-b) - (-2 * (-c)) < -(-x)"),
        ("require not(a<1)and(b<1 or c<1)", "require not (a < 1) and (b < 1 or c < 1)"),
        ("require each(CN(A-B)=4 and CN(A-C)=2)", "require each (CN(A-B) = 4 and CN(A-C) = 2)"),
        ("require (a<1 implies b<1)implies c<1", "require (a < 1 implies b < 1) implies c < 1"),
        ("motif bonded(A,B,n=4)=each CN(A-B)=n", "motif bonded(A, B, n = 4) = each CN(A-B) = n"),
        ("formula CuSi2P3", 'formula "CuSi2P3"'),
        (
            "guide k .8 from=0.9,to 0.03 g=ramp(0->.8,cosine)",
            "guide k=0.8, from 0.9 to 0.03, g=ramp(0 -> 0.8, cosine)",
        ),
        ("sample 256, batch=32 seed 7", "sample 256 batch 32 seed 7"),
        ("sweep rc in {2.4Å,0.26 nm}", "sweep rc in {2.4 Å, 0.26 nm}"),
        ("system Cu+P", "system Cu-P"),
        ("atoms==12", "atoms = 12"),
        ("expect spacegroup==P6_3 / mmc", "expect spacegroup = P6_3/mmc"),
        ("expect spacegroup in {Fm - 3m,62}", "expect spacegroup in {Fm-3m, 62}"),
        ("symmetry {Fm - 3 m,cubic}", "symmetry {Fm-3m, cubic}"),
        ("require x=a / b", "require x = a / b"),
    ],
)
def test_one_spelling(written: str, expected: str) -> None:
    assert usual(written) == f"{expected}\n"
    assert usual(expected) == f"{expected}\n"


def test_comments_and_groups_stay() -> None:
    text = "\ufeff\n# head   \n\n\n\n  # of the system\nsystem Cu-P;atoms<=20# small \r\nrequire CN(Cu-P)=4   #four\nguide\n\n# end\n\n"
    assert (
        usual(text)
        == "# head\n\n# of the system\nsystem Cu-P\natoms <= 20           # small\nrequire CN(Cu-P) = 4  #four\nguide\n\n# end\n"
    )


def test_comments_inside_a_statement_stay_where_they_are() -> None:
    text = "let metal = { # all\n Cu, # mono\n\n  # the other\n Ca }  # end\n"
    assert (
        usual(text)
        == "let metal = {  # all\n    Cu,        # mono\n    # the other\n    Ca}  # end\n"
    )


def test_a_claim_with_comments_between_its_parts_keeps_its_brackets() -> None:
    text = "require both: (CN(Cu-P) = 4 # four\n and CN(Cu-Cu) = 1) weight 2"
    expected = "require both: (\n    CN(Cu-P) = 4  # four\n    and CN(Cu-Cu) = 1\n) weight 2\n"
    assert usual(text) == expected


def test_a_comment_without_a_place_goes_above() -> None:
    assert (
        usual("param rc = (2.6 Å # usual\n + 0.1 Å) # end")
        == "# usual\nparam rc = 2.6 Å + 0.1 Å  # end\n"
    )


def test_a_short_statement_stands_on_one_line_and_a_long_claim_in_parts() -> None:
    assert usual("let metal = {Cu,\n  Ca}") == "let metal = {Cu, Ca}\n"
    parts = [f"CN(Cu-P, r={r} Å) = 4" for r in range(2, 9)]
    assert (
        usual(f"require {' or '.join(parts)}")
        == "require (\n    " + "\n    or ".join(parts) + "\n)\n"
    )
    assert len(f"require {' or '.join(parts)}") > WIDTH


def test_a_long_statement_keeps_its_line_ends_in_brackets() -> None:
    names = [f"name_{i}" for i in range(20)]
    text = "let all = {" + ", ".join(names[:10]) + ",\n" + ", ".join(names[10:]) + "}"
    assert (
        usual(text)
        == "let all = {" + ", ".join(names[:10]) + ",\n    " + ", ".join(names[10:]) + "}\n"
    )


def test_what_cannot_be_read_has_no_usual_form() -> None:
    result = formatted(Source("<text>", "system Cu-P\nrequre CN(Cu-P) = 4"))
    assert (result.text, [d.code for d in result.diagnostics]) == (None, ["E012"])


def test_two_signs_in_a_row_are_not_made_sense_of() -> None:
    for slip in ("4 + -0.3", "4 -+ 0.3", "4 - -x", "--4"):
        result = formatted(Source("<text>", f"require CN(Cu-P) = {slip}"))
        assert (result.text, [d.code for d in result.diagnostics]) == (None, ["E010"])


def test_a_text_that_would_become_too_long_is_left() -> None:
    result = formatted(Source("<text>", "let x = " + "+".join("1" * 26_000)))
    assert (result.text, [d.code for d in result.diagnostics]) == (None, ["E003"])
