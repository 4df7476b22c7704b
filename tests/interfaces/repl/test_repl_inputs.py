"""Where an input ends: brackets, words that join, semicolons, comments, commands."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoutlang.interfaces.repl.inputs import continued, inputs, typed, unfinished, written
from scoutlang.ir.source import Source
from scoutlang.language.parser import parse


@pytest.mark.parametrize(
    "text",
    [
        "require CN(Cu-P",
        "require volume_per_atom in [14,",
        "require CN(Cu-P) in {4,  # or six\n",
        "require CN(Cu-P) = 4 and",
        "require CN(Cu-P) = 4 and\n",
        "system Cu-P; require not",
        "require (CN(Cu-P) = 4\n  and CN(Cu-Cu) = 1",
    ],
)
def test_goes_on(text: str) -> None:
    assert unfinished(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only ( a comment",
        "system Cu-P",
        "require CN(Cu-P) =",
        "require CN(Cu-P) = 4)",
        "require CN(Cu-P; ",
        "require CN(Cu-P\n\n",
        "require CN(Cu-P\nsystem Cu-P",
        "require CN(Cu-P) = 4 and;",
        "require CN(Cu-P) = 4 and # no line goes on behind a comment",
        ":save (",
        "   :load [",
    ],
)
def test_ends(text: str) -> None:
    assert not unfinished(text)


def test_commands_stand_between_program_text() -> None:
    assert list(inputs("system Cu-P\nguide k=1\n:show\n\n  :undo  \natoms < 9\n")) == [
        "system Cu-P\nguide k=1",
        ":show",
        ":undo",
        "atoms < 9\n",
    ]


def test_a_line_behind_and_belongs_to_it() -> None:
    assert continued("require a and\n  b\nguide k=1") == "require a and   b\nguide k=1"
    assert continued("require (a and\n b)\n") == "require (a and\n b)\n"
    assert continued("require a and\nguide k=1") == "require a and\nguide k=1"


@settings(deadline=None)
@given(st.text(alphabet="ab4 =()[]{}\n;#,:andorCu-P", max_size=60))
def test_any_text_is_split_without_loss(text: str) -> None:
    assert isinstance(unfinished(text), bool)
    joined = continued(text)
    assert len(joined) == len(text)
    assert "".join("\n".join(inputs(text)).split()) == "".join(text.split())
    assert unfinished(f"{text}\n\n") is False


def test_what_is_continued_parses_as_one_statement() -> None:
    assert (
        len(
            parse(
                Source("x", continued("require CN(Cu-P) = 4 and\nCN(Cu-Cu) = 1"))
            ).module.statements
        )
        == 1
    )


@settings(deadline=None)
@given(st.text(alphabet="ab4 =()[]{}\n\u2028;#,|:andorCu-P", max_size=60))
def test_what_is_written_is_heard_again(text: str) -> None:
    said = [one.rstrip() for one in inputs(text)]
    heard = typed("".join(map(written, said)))
    assert [one.rstrip() for text in heard for one in inputs(text)] == said
