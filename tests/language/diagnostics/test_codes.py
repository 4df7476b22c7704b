"""Each code that is used has a page, and each page a use."""

from __future__ import annotations

import re
from pathlib import Path

from programs import CASES

import scoutlang
from scoutlang.language.diagnostics.codes import EXPLANATIONS

PACKAGE = Path(scoutlang.__file__).parent
# Messages of the language have numbers below 100; the other rooms of the house keep theirs above.
EVERYWHERE = {
    code
    for path in PACKAGE.rglob("*.py")
    for code in re.findall(r'"([EWI]\d{3})"', path.read_text(encoding="utf-8"))
}
USED = {code for code in EVERYWHERE if code[1] == "0"}


def test_every_code_is_explained_and_every_explained_one_is_used() -> None:
    assert set(EXPLANATIONS) == EVERYWHERE


def test_an_explanation_has_a_title_and_a_paragraph() -> None:
    for page in EXPLANATIONS.values():
        assert re.fullmatch(r"[EWI]\d{3}", page.code)
        assert page.title
        assert len(page.text) > 60, page.code


def test_every_message_about_a_program_is_shown_by_a_program() -> None:
    shown = {code for case in CASES for code in re.findall(r"\[(\w\d{3})\]", case.messages or "")}
    about_files = {"E001", "E002", "E003"}
    # Values from outside are in no program: tests/language/test_meaning.py has them.
    assert USED - shown == about_files | {"E076"}
