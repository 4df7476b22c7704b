"""docs/language.md is what the code says, has a page on everything, and its examples are right
programs.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from scoutlang.descriptors import signatures
from scoutlang.interfaces import manual
from scoutlang.interfaces.api import check_source
from scoutlang.ir.source import Source
from scoutlang.language.checking.imports import library
from scoutlang.language.diagnostics.codes import EXPLANATIONS
from scoutlang.language.statements import SETTINGS, STATEMENTS
from scoutlang.language.syntax.functions import FUNCTIONS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
PAGES = manual.pages()
EXAMPLES = re.findall(r"^```scout\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_the_page_is_what_the_code_says() -> None:
    assert manual.manual() == TEXT, "write it anew: scout doc --manual > docs/language.md"


def test_there_is_a_page_on_everything() -> None:
    def named(kind: str) -> set[str]:
        return {p.name for p in PAGES if p.kind == kind}

    assert named("statement") == set(STATEMENTS)
    assert named("function") == set(FUNCTIONS)
    assert named("descriptor") == set(signatures())
    assert named("setting") == {name for table in SETTINGS.values() for name in table}
    assert named("module") == {f"std.{m}" for m in library()}
    assert named("code") == set(EXPLANATIONS)
    assert all(p.summary for p in PAGES)
    assert [
        p.name
        for p in PAGES
        if p.kind in ("statement", "function", "descriptor", "module") and not p.example
    ] == []


def test_every_example_of_a_page_is_in_the_manual() -> None:
    shown = {e.strip() for e in EXAMPLES}
    assert {p.example for p in PAGES if p.kind in ("statement", "descriptor", "module")} <= shown
    assert all(f"`{p.example}`" in TEXT for p in PAGES if p.kind == "function")


@pytest.mark.parametrize(
    "example",
    [*EXAMPLES, *(p.example for p in PAGES if p.kind == "function")],
    ids=lambda e: " / ".join(e.split("\n")[:2])[:60],
)
def test_an_example_is_a_right_program(example: str, tmp_path: Path) -> None:
    for name in ("site.cif", "host.cif", "seed.cif"):
        shutil.copy(ROOT / "examples" / "structures" / "CuP2.cif", tmp_path / name)
    (tmp_path / "measured.xy").write_text(
        "".join(f"{10 + i / 10:g} {i % 7}\n" for i in range(600)), encoding="utf-8"
    )
    alone = re.search(r"^system ", example, re.MULTILINE) is None
    result = check_source(
        Source("<text>", f"{manual.SYSTEM}\n{example}" if alone else example, tmp_path)
    )
    assert result.ok, result.diagnostics
    assert {d.code for d in result.diagnostics if d.severity != "info"} == set()


def test_links_within_the_page_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-")
        for h in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    }
    links = set(re.findall(r"\]\(#([^)]*)\)", TEXT))
    assert len(links) > 40
    assert links <= headings
