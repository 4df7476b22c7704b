"""No input of any kind makes a traceback, and every message can be rendered in both formats."""

from __future__ import annotations

import json
import re
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

import scoutlang
from scoutlang.diagnostics.render.json import as_data
from scoutlang.diagnostics.render.text import render
from scoutlang.errors import ScoutError
from scoutlang.frontend import CheckResult
from scoutlang.frontend.parser import MAX_CHARACTERS
from scoutlang.frontend.reading import decode

TESTS = Path(__file__).parent.parent
PROGRAMS = [p.read_bytes().decode() for folder in ("good", "bad") for p in sorted((TESTS / folder).glob("*.scout"))]
WORDS = re.findall(
    r"\S+",
    """
    scout system atoms require prefer expect guide sample in as low high possible weight loss
    CN distance volume_per_atom e_above_hull Cu P Cu-P * { } ( ) [ ] , : ; = == < <= > >= ± +- -> - – # "
    1 4 -2 2.6 1e999 Å nm eV/atom Å^3 ramp k g from to method paper
    """,
)

few = settings(max_examples=100, deadline=None)


def holds(text: str) -> CheckResult:
    """Checks the text and all that must be true of any result."""
    result = scoutlang.check(text)
    assert result.ok == (not any(d.severity == "error" for d in result.diagnostics))
    for diagnostic in result.diagnostics:
        labels = [*([diagnostic.primary] if diagnostic.primary else []), *diagnostic.secondary]
        assert all(0 <= label.span.start <= label.span.end <= len(text) for label in labels)
    render(result.diagnostics, result.source).encode()
    json.dumps(as_data(result.diagnostics, result.source), allow_nan=False)
    if result.program is not None:
        assert type(result.program).from_json(result.program.to_json()) == result.program
    return result


@few
@given(st.text())
@example("system Cu-P\n# \ud800")
@example("\ufeff")
@example("system Cu-P;" * 3000)
@example("(" * 5000)
@example("system Cu" + "-Cu" * 5000)
def test_any_text(text: str) -> None:
    holds(text)


@few
@given(st.lists(st.sampled_from([*WORDS, "\n"]), max_size=40))
def test_any_sequence_of_words(words: list[str]) -> None:
    holds(" ".join(words))


@few
@given(st.sampled_from(PROGRAMS), st.integers(0, 400), st.integers(0, 8), st.text(max_size=4))
def test_any_change_of_a_program(program: str, place: int, removed: int, added: str) -> None:
    holds(program[:place] + added + program[place + removed :])


@few
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    code = ""
    try:
        holds(decode(data, "<bytes>").text)
    except ScoutError as error:
        code = error.code
    assert code in ("", "E002")


def test_a_large_text_is_refused_at_once() -> None:
    result = holds("# " + "x" * MAX_CHARACTERS)
    assert [d.code for d in result.diagnostics] == ["E003"]


def test_a_large_program_ends() -> None:
    line = "require CN(Cu-P) = 4\n"
    result = scoutlang.check("system Cu-P\n" + line * (MAX_CHARACTERS // 10 // len(line)))
    assert result.ok


def test_hopeless_files_end_early() -> None:
    assert len(holds("x y z\n" * 10_000).diagnostics) < 50
    assert len(holds("system Cu-P\n" + "require CN(Cu-Zz) = 4\n" * 2_000).diagnostics) < 50
