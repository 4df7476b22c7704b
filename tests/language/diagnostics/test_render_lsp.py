"""Diagnostics for editors, against the Language Server Protocol 3.17: positions from zero in UTF-16
code units.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from scoutlang.ir.source import Source, Span
from scoutlang.language.diagnostics import Diagnostic, Label
from scoutlang.language.diagnostics.render.lsp import publication

Position = tuple[int, int]


def place(text: str, part: str) -> tuple[Position, Position]:
    """Start and end (line, character) of a message about ``part``."""
    start = text.index(part)
    (diagnostic,) = publication(
        [Diagnostic.at("E012", "m", Span(start, start + len(part)), "")], Source("x.scout", text)
    )["diagnostics"]
    first, last = diagnostic["range"]["start"], diagnostic["range"]["end"]
    return (first["line"], first["character"]), (last["line"], last["character"])


def test_a_diagnostic_with_everything(tmp_path: Path) -> None:
    path = tmp_path / "x y.scout"
    text = "system Cu-P\nrequre CN(Cu-P)=4"
    also = Label(Span(0, 6), "before")
    diagnostic = Diagnostic.at(
        "E012",
        "unknown statement",
        Span(12, 18),
        "a verb?",
        also=also,
        help="more",
        replacement="require",
    )
    uri = f"file://{tmp_path}/x%20y.scout"
    place_ = {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 6}}
    before = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 6}}
    assert publication([diagnostic], Source(str(path), text)) == {
        "uri": uri,
        "diagnostics": [
            {
                "range": place_,
                "severity": 1,
                "code": "E012",
                "source": "scout",
                "message": "unknown statement: a verb?\nmore",
                "relatedInformation": [
                    {"location": {"uri": uri, "range": before}, "message": "before"}
                ],
                "data": {"fix": {"range": place_, "newText": "require"}},
            }
        ],
    }


@pytest.mark.parametrize(
    ("before", "units"),
    [
        ("\U0001d4d0", 2),
        ("\U0001f600\U0001f600", 4),
        ("Å", 1),
        ("\t", 1),
        ("配", 1),
        ("e\u0301", 2),
        ("\u2028", 1),
        ("\x0c", 1),
    ],
)
def test_characters_are_utf16_code_units(before: str, units: int) -> None:
    assert place(f"\n{before}HERE", "HERE") == ((1, units), (1, units + 4))


def test_a_character_of_two_units_inside_the_place() -> None:
    assert place("x \U0001d4d0y", "\U0001d4d0") == ((0, 2), (0, 4))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_each_line_end_of_the_protocol(end: str) -> None:
    assert place(f"ab{end}{end}cd", "cd") == ((2, 0), (2, 2))
    assert place(f"ab{end}cd", f"b{end}c") == ((0, 1), (1, 1))


def test_a_line_end_of_two_characters_is_never_cut() -> None:
    assert place("ab\r\ncd", "b\r") == ((0, 1), (0, 2))


def test_a_message_about_the_whole_file_is_at_its_beginning() -> None:
    (diagnostic,) = publication(
        [Diagnostic("E020", "there is no `system`")], Source("x.scout", "a\nb")
    )["diagnostics"]
    assert diagnostic["range"] == {
        "start": {"line": 0, "character": 0},
        "end": {"line": 0, "character": 0},
    }
    assert {"relatedInformation", "data", "codeDescription"} & set(diagnostic) == set()


def test_severities() -> None:
    diagnostics = publication(
        [Diagnostic(code, "m") for code in ("E020", "W043", "I060")], Source("x.scout", "")
    )["diagnostics"]
    assert [d["severity"] for d in diagnostics] == [1, 2, 3]


def test_a_program_that_is_no_file_is_an_untitled_document() -> None:
    assert publication([], Source("<stdin>", "")) == {"uri": "untitled:stdin", "diagnostics": []}
