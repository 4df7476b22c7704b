"""No input of any kind makes a traceback or a hang, and every message can be rendered in both
formats.
"""

from __future__ import annotations

import random

import fuzz
import pytest
from fuzz import WORDS, corpus, holds, limited, text_of
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import programs

import scoutlang
from scoutlang.ir.source import MAX_CHARACTERS

PROGRAMS = corpus()
HEAD = "system Cu-Si-P\n"

few = settings(max_examples=60, deadline=None)


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
@given(programs(), st.integers(0, 400), st.integers(1, 8))
def test_any_piece_of_a_made_up_program_may_be_missing(
    program: str, place: int, removed: int
) -> None:
    holds(program[:place] + program[place + removed :])


@few
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    text = text_of(data)
    if text is not None:
        holds(text)


def test_a_few_inputs_of_the_fuzzer() -> None:
    assert sum(fuzz.run(150, seed=0).ends.values()) == 150


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
def test_many_inputs_of_the_fuzzer(seed: int) -> None:
    """``python tests/language/fuzz.py --count 100000`` is the whole of it."""
    assert sum(fuzz.run(2_000, seed).ends.values()) == 2_000


def test_a_large_text_is_refused_at_once() -> None:
    result = holds("# " + "x" * MAX_CHARACTERS)
    assert [d.code for d in result.diagnostics] == ["E003"]


@pytest.mark.slow
def test_a_large_program_ends() -> None:
    line = "require CN(Cu-P) = 4\n"
    result = scoutlang.check("system Cu-P\n" + line * (MAX_CHARACTERS // 10 // len(line)))
    assert result.ok


def test_hopeless_files_end_early() -> None:
    assert len(holds("x y z\n" * 10_000).diagnostics) < 50
    assert len(holds("system Cu-P\n" + "require CN(Cu-Zz) = 4\n" * 2_000).diagnostics) < 50
    assert (
        len(holds("system Cu-P\n" + "".join(f"let x{k} = {k}\n" for k in range(1_000))).diagnostics)
        == 100
    )


# What takes long, or deep, when something grows faster than the text: each is near the limit of its
# line.
LARGE = {
    "semicolons": ";" * 200_000 + HEAD,
    "a sum": f"{HEAD}require CN(Cu-P) = {'+'.join(['1'] * 20_000)}",
    "alternatives": f"{HEAD}require {'CN(Cu-P)=4 or ' * 2_000}CN(Cu-P)=4",
    "signs": f"{HEAD}require {'not ' * 20_000}CN(Cu-P) = 4",
    "open brackets": HEAD + "require (\n" * 20_000,
    "a long name": f"{HEAD}require {'x' * 90_000} = 4",
    "a long number": f"{HEAD}require CN(Cu-P) = {'9' * 90_000}",
    "a long text": f'{HEAD}import "{"x" * 90_000}.scout"',
    "a long chain": f"{HEAD}require CN({'-'.join(['Cu'] * 20_000)}) = 4",
    "a long set": f"{HEAD}require CN({{{','.join(['Cu', 'P'] * 5_000)}}}-P) = 4",
    "a long module name": f"{HEAD}require {'a.' * 40_000}b = 4",
    "a long unit": f"{HEAD}require CN(Cu-P) = 4 Å{'/atom' * 10_000}",
    "a power of powers": f"{HEAD}require CN(Cu-P) = {'2^' * 30}2",
    "combining characters": f"{HEAD}require CN(Cu-P) = 4 A{chr(0x30A) * 50_000}",
    "control characters": HEAD + "\0\x1b" * 40_000,
    "line ends": HEAD.replace("\n", "\r\n") + "\r\r\n" * 40_000,
    "a long formula": f'{HEAD}formula "{"Cu" * 40_000}"',
    "settings": f"{HEAD}guide {'kk=1 ' * 10_000}",
    "labels of one name": HEAD + "expect CN(Cu-P) > 1\n" * 5_000,
    "values of one family": HEAD
    + "".join(f"require CN(Cu-P, r={2 + k / 10_000}) > 1\n" for k in range(3_000)),
    "definitions that double": "".join(
        f"motif m{k}(A) = m{k + 1}(A) and m{k + 1}(A)\n" for k in range(40)
    )
    + f"motif m40(A) = CN(A-P) = 4\n{HEAD}require m0(Cu)",
    "arguments that double": f"motif twice(x) = x and x\n{HEAD}require {'twice(' * 30}CN(Cu-P) = 4{')' * 30}",
    "parameters of a motif": f"motif m({','.join(f'A{k}=1' for k in range(3_000))}) = A0\n{HEAD}require CN(Cu-P) > m({','.join(['1'] * 3_000)})",
}


@pytest.mark.parametrize("name", LARGE)
def test_what_grows_ends(name: str) -> None:
    with limited():
        holds(LARGE[name])


def test_the_fuzzer_makes_every_kind_of_input() -> None:
    draw = random.Random(0)
    for kind, _ in fuzz.KINDS:
        assert len({kind(draw, PROGRAMS) for _ in range(30)}) > 10, kind.__name__
