"""How messages look, exactly: the examples of the design and the hard cases of a terminal."""

from __future__ import annotations

import re

import pytest

from scoutlang.ir.source import Source, Span
from scoutlang.language.diagnostics import Diagnostic, Label
from scoutlang.language.diagnostics.render.json import as_data
from scoutlang.language.diagnostics.render.text import count, render, render_one


def at(
    text: str,
    part: str,
    code: str = "E012",
    label: str = "here",
    *,
    also: Label | None = None,
    replacement: str | None = None,
) -> Diagnostic:
    start = text.index(part)
    return Diagnostic.at(
        code, "message", Span(start, start + len(part)), label, also=also, replacement=replacement
    )


def test_the_line_with_a_caret_under_the_exact_span() -> None:
    source = Source("x.scout", "requre CN(Cu-P)=4\n")
    diagnostic = Diagnostic.at(
        "E012", "unknown statement `requre`", Span(0, 6), "did you mean `require`?"
    )
    assert render_one(diagnostic, source) == (
        "error[E012]: unknown statement `requre`\n  1 | requre CN(Cu-P)=4\n    | ^^^^^^ did you mean `require`?"
    )


def test_two_places_in_reading_order() -> None:
    text = "system Cu-Si-P-Ca\n\n\nrequire CN(Cu-Ge) = 2\n"
    source = Source("x.scout", text)
    also = Label(Span(7, 17), "declared here")
    diagnostic = Diagnostic.at(
        "E030",
        "Ge is not in the system",
        Span(34, 36),
        "add it to the system, or did you mean Si?",
        also=also,
    )
    assert render_one(diagnostic, source) == (
        "error[E030]: Ge is not in the system\n"
        "  1 | system Cu-Si-P-Ca\n"
        "    |        ---------- declared here\n"
        "  4 | require CN(Cu-Ge) = 2\n"
        "    |               ^^ add it to the system, or did you mean Si?"
    )


def test_tabs_wide_and_combining_characters_keep_the_caret_in_place() -> None:
    text = "\t配e\u0301x"
    lines = render_one(at(text, "x"), Source("", text)).splitlines()
    assert lines[1] == "  1 |     配e\u0301x"
    # Four cells of tab, two of the wide character, one of e with its accent.
    assert lines[2] == "    | " + " " * 7 + "^ here"


def test_what_a_terminal_would_act_on_is_not_sent_to_it() -> None:
    text = "\x1b[31mred\x07\u202e"
    rendered = render_one(at(text, "red"), Source("", text))
    assert not {"\x1b", "\x07", "\u202e"} & set(rendered)


def test_a_long_line_is_shown_around_the_place() -> None:
    text = "a" * 500 + "HERE" + "b" * 500
    lines = render_one(at(text, "HERE"), Source("", text)).splitlines()
    assert len(lines[1]) < 140
    column = lines[2].index("^")
    assert lines[1][column : column + 4] == "HERE"
    assert lines[2].count("^") == 4


def test_an_empty_place_still_gets_a_caret() -> None:
    diagnostic = Diagnostic.at("E010", "message", Span(3, 3), "expected more")
    assert render_one(diagnostic, Source("", "abc")).splitlines()[2] == "    |    ^ expected more"


def test_a_span_over_several_lines_marks_the_first() -> None:
    text = "abc\ndef"
    diagnostic = Diagnostic.at("E010", "message", Span(1, 6), "from here")
    assert render_one(diagnostic, Source("", text)).splitlines()[2] == "    |  ^^ from here"


def test_a_message_about_the_file_has_no_line() -> None:
    assert (
        render_one(Diagnostic("E020", "there is no `system`", help="add one"), Source("", ""))
        == "error[E020]: there is no `system`\n  help: add one"
    )


def test_the_count_and_the_file_close_the_messages() -> None:
    text = "abc"
    diagnostics = [at(text, "a"), at(text, "b"), at(text, "c", "W043"), at(text, "c", "I060")]
    assert count(diagnostics) == "2 errors, 1 warning, 1 note"
    assert render(diagnostics, Source("x.scout", text)).endswith(
        "\n\nx.scout: 2 errors, 1 warning, 1 note"
    )
    assert render([], Source("x.scout", text)) == ""


def test_colors_of_each_part() -> None:
    text = "system Cu-P\nrequre"
    diagnostic = at(text, "requre", also=Label(Span(0, 6), "before"))
    assert render_one(diagnostic, Source("", text), color=True).splitlines() == [
        "\x1b[1;31merror[E012]\x1b[0m\x1b[1m: message\x1b[0m",
        "\x1b[1;34m  1 |\x1b[0m system Cu-P",
        "\x1b[1;34m    |\x1b[0m \x1b[1;34m------ before\x1b[0m",
        "\x1b[1;34m  2 |\x1b[0m requre",
        "\x1b[1;34m    |\x1b[0m \x1b[1;31m^^^^^^ here\x1b[0m",
    ]


@pytest.mark.parametrize("code", ["E010", "W043", "I060"])
def test_without_its_colors_a_message_is_the_plain_one(code: str) -> None:
    text = "a\t配" + " " * 300 + "HERE\n\n  \nlast "
    also = Label(Span(len(text), len(text)), "the end ")
    diagnostics = [
        at(text, "HERE", code, "", also=also),
        at(text, "last", code, "x"),
        Diagnostic(code, "whole file", help="a\nb"),
    ]
    plain, colored = (
        render(diagnostics, Source("x.scout", text), color=color) for color in (False, True)
    )
    assert "\x1b" not in plain
    assert colored != plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


def test_json_holds_the_same_as_plain_data() -> None:
    text = "system Cu-P\nrequre"
    diagnostic = at(text, "requre", also=Label(Span(0, 6), "before"), replacement="require")
    assert as_data([diagnostic], Source("", text)) == [
        {
            "code": "E012",
            "severity": "error",
            "message": "message",
            "spans": [
                {"start": 12, "end": 18, "line": 2, "column": 1, "primary": True, "label": "here"},
                {"start": 0, "end": 6, "line": 1, "column": 1, "primary": False, "label": "before"},
            ],
            "help": "",
            "fix": {"start": 12, "end": 18, "line": 2, "column": 1, "replacement": "require"},
        }
    ]
