"""What a notebook shows of structures, candidates and runs: drawn, bounded, and nothing breaks out."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from crystals_by_hand import rock_salt
from hostile_salts import HOSTILE
from pymatgen.core import Structure
from relaxed_salts import relaxed_run

import scoutlang
from scoutlang.crystals.specimen import Specimen
from scoutlang.interfaces import api
from scoutlang.report import embedded
from scoutlang.report.shortlist import Shortlist
from scoutlang.runs.judge import Judged
from scoutlang.support.showing import Shown

_PICTURE = "document.getElementById('canvas').toDataURL()"
_EMPTY = """() => {
  const {width, height} = document.getElementById("canvas");
  return Object.assign(document.createElement("canvas"), {width, height}).toDataURL();
}"""


@pytest.fixture(autouse=True)
def drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after any use of ``import scoutlang``."""
    monkeypatch.setattr("scoutlang.support.showing._DRAWING", [api._view])


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    return relaxed_run(tmp_path_factory.mktemp("runs") / "salts")


def shown(what: Shown) -> str:
    """The frame, of which nothing can end but its own element."""
    found = what._repr_html_()
    assert found is not None
    assert re.fullmatch(r'<iframe sandbox="[a-z -]+" title="[^"<>]*" style="[^"<>]*" srcdoc="[^"<>]*">[^<>]*</iframe>', found)  # fmt: skip
    assert "allow-same-origin" not in found
    return found


def within(frame: str) -> str:
    """The document in it."""
    match = re.search(r'srcdoc="([^"]*)"', frame)
    assert match is not None
    return html.unescape(match[1])


@pytest.fixture
def frame(opened: Callable[[str], Any]) -> Callable[[Shown], Any]:
    """The frame of something in a page, as a saved notebook has it."""

    def open_(what: Shown) -> Any:
        page = opened(f"<!doctype html><title>notebook</title><body>{shown(what)}</body>")
        page.frame_locator("iframe").locator("#view-name").wait_for()
        return page.frames[1]

    return open_


def test_a_structure_is_drawn_and_turns(frame: Callable[[Shown], Any]) -> None:
    page = frame(Specimen(structure=rock_salt(), origin=f"a{HOSTILE}.cif", notes=(HOSTILE,)))
    assert page.inner_text("#view-name") == "NaCl"
    assert HOSTILE in page.inner_text("#facts")
    assert "Na × 4" in page.inner_text("#legend")
    assert "Cl–Na within" in page.inner_text("#bonds")
    seen = [page.evaluate(_EMPTY), page.evaluate(_PICTURE)]
    page.press("#canvas", "ArrowLeft")
    seen.append(page.evaluate(_PICTURE))
    assert len(set(seen)) == 3
    with page.page.expect_download() as download:
        page.click("#cif")
    assert "_cell_length_a" in Path(download.value.path()).read_text(encoding="utf-8")


def test_a_run_shows_its_candidates_and_counts(
    judged: Judged, frame: Callable[[Shown], Any]
) -> None:
    page = frame(judged)
    assert page.inner_text("h1") == "salts: 2 candidates"
    rows = [row.inner_text().split("\t") for row in page.locator("#rows tbody tr").all()]
    listed = scoutlang.candidates(judged)
    assert [row[:2] for row in rows] == [[str(one.rank), one.formula] for one in listed]
    assert page.locator("tr[aria-current]").count() == 1
    first = page.evaluate(_PICTURE)
    page.click("#rows tbody tr:nth-child(2) button")
    assert listed[1].id in page.inner_text("#facts")
    assert page.evaluate(_PICTURE) != first
    assert "From hits to candidates" in page.inner_text("main")
    assert "Energies by flat 1, an interatomic potential" in page.inner_text("main")
    # coordination polyhedra are those of the hypothesis
    assert "Polyhedra: " in page.inner_text("#bonds")


def test_frames_are_read_by_everybody(judged: Judged, opened: Callable[[str], Any]) -> None:
    for what in (judged, scoutlang.candidates(judged)):
        found = Axe().run(opened(within(shown(what))))
        assert found.violations_count == 0, found.generate_report()


def test_each_kind_is_shown_and_has_its_text(judged: Judged) -> None:
    found = scoutlang.candidates(judged)
    assert isinstance(found, Shortlist)
    for what in (judged, found, found[0], judged.records[0], judged.records[0].generated):
        assert "sha256-" in within(shown(what))
    assert repr(found[0]).startswith("Candidate 1: NaCl (Fm-3m), ")
    assert repr(found).splitlines() == [repr(one) for one in found]
    record = judged.record(found[0].id)
    assert repr(record).startswith(f"Record {record.id}: NaCl, no hit, ")
    assert "from hits to candidates" in repr(judged)


def test_without_candidates_the_best_structures_stand_there(judged: Judged) -> None:
    records = [r for r in judged.records if r.hit is not True]
    none = replace(
        judged, validation=replace(judged.validation, records=tuple(records)), relaxations=()
    )
    text = within(shown(none))
    assert "no candidates, no structure has everything that is required" in text
    assert len(re.findall('data-row="', text)) == len([r for r in records if r.generated.structure])
    assert Shortlist()._repr_html_() is None
    assert repr(Shortlist()) == "no candidates"


def test_what_cannot_be_drawn_says_why(frame: Callable[[Shown], Any], judged: Judged) -> None:
    missing = next(r for r in judged.records if r.generated.structure is None)
    assert "No picture: E202 NaN" in frame(missing).inner_text("#view-empty")
    large = Specimen(structure=rock_salt() * (3, 3, 3), origin="large.cif")
    assert "216 atoms, more than the 200" in frame(large).inner_text("#view-empty")


def test_a_frame_is_bounded_whatever_the_run(
    judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The largest that can be: as many crystals as are drawn, as large, with names as long."""
    [first, *_] = scoutlang.candidates(judged)
    cell: Structure = rock_salt() * (5, 5, 1)
    assert len(cell) == embedded.MOST_SITES
    long = "x" * 10_000
    many = [
        replace(one, id=f"{long}{k}", formula=long, structure=cell, nearest=long, terms={long: 1.0})
        for k, one in enumerate([first] * 300)
    ]
    found = shown(Shortlist(many))
    assert f"{300 - embedded.MOST} more are not shown here" in within(found)
    assert len(found) < 2_000_000
    assert len(shown(judged)) < 120_000


def test_it_is_text_where_nothing_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scoutlang.support.showing._DRAWING", [])
    assert Specimen(structure=rock_salt())._repr_html_() is None
