"""The page of a run that was relaxed: it opens on the best candidate, shows the shortlist, and never
mixes the geometries of a structure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from crystals_by_hand import rock_salt
from hostile_salts import HOSTILE, checked, generated, pareto, report_data
from pymatgen.core import Lattice, Structure
from relaxed_salts import (
    BY_ENERGY,
    NOT_RELAXED,
    SAMPLED,
    TEXT,
    WITH_CONSTRAINT,
    relaxation,
    relaxed_run,
)

from scoutlang.report.data import ReportData, collect
from scoutlang.report.figures import draw
from scoutlang.report.geometries import comparisons, counts, geometries
from scoutlang.report.page import CARDS, render
from scoutlang.report.verdict import conclusion, verdict
from scoutlang.runs.judge import Judged
from scoutlang.runs.relaxed import Relaxed
from scoutlang.validation.table import as_text, render_geometries

Open = Callable[..., Any]

LABELS = ["as sampled", "relaxed by the energy alone", "relaxed with the constraint"]
BEST, CONSTRAINED, SAME = ("guided", 1), ("guided", 0), ("non-guided", 0)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    return relaxed_run(tmp_path_factory.mktemp("relaxed") / "run")


@pytest.fixture(scope="module")
def data(judged: Judged) -> ReportData:
    return collect(judged)


@pytest.fixture(scope="module")
def html(data: ReportData) -> str:
    return render(data, [pareto(data)])


@pytest.fixture(scope="module")
def shared(html: str, open_page: Open) -> Any:
    return open_page(html)


@pytest.fixture
def page(shared: Any, said: list[str]) -> Iterator[Any]:
    """The page as it opens; it must be silent until the test is over."""
    said.clear()
    shared.set_viewport_size({"width": 1400, "height": 900})
    shared.reload()
    said.clear()  # of the request for itself
    yield shared
    assert said == []


def content(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found
    made: dict[str, Any] = json.loads(found.group(1))
    return made


def id_of(data: ReportData, key: tuple[str, int]) -> str:
    [found] = [r.id for r in data.validation.records if (r.arm, r.generated.index) == key]
    return found


def pressed(page: Any) -> list[str]:
    return [
        button.inner_text()
        for button in page.locator("#shapes button").all()
        if button.get_attribute("aria-pressed") == "true"
    ]


def drawn(page: Any, canvas: str = "canvas") -> str:
    found: str = page.evaluate(f"document.getElementById('{canvas}').toDataURL()")
    return found


# ---- what it says ----


def test_the_verdict_tells_the_candidates(data: ReportData) -> None:
    before = verdict(data.program, data.validation.table())
    assert conclusion(data) == (
        f"{before} After relaxing there are 2 candidates, 1 of them confirmed by second."
    )
    first, second = data.shortlist

    def after(*found: Any) -> str:
        return conclusion(replace(data, shortlist=found)).removeprefix(f"{before} After relaxing ")

    assert after(first) == "there is 1 candidate, confirmed by second."
    assert after(second) == "there is 1 candidate, not confirmed by second."
    assert after(second, second) == "there are 2 candidates, none of them confirmed by second."
    assert after(replace(first, seconds=())) == "there is 1 candidate."
    assert conclusion(replace(data, relaxations=(), shortlist=())) == before


def test_the_verdict_says_why_there_are_none(judged: Judged) -> None:
    only = relaxation(judged, "energy", {CONSTRAINED: BY_ENERGY[CONSTRAINED]})
    data = collect(replace(judged, relaxations=(only,)))
    assert data.shortlist == ()
    assert conclusion(data).endswith(
        "After relaxing there are no candidates: no structure has everything that is required."
    )
    html = render(data, [])
    assert 'class="gallery"' not in html
    assert '<table class="plain counts">' in html


def test_from_hits_to_candidates_is_the_table_of_the_terminal(data: ReportData, html: str) -> None:
    shown = {one.title: one for one in data.geometries}
    validations = {name: one.validation for name, one in shown.items()}
    terminal = as_text(render_geometries(validations, Path("relaxed")))
    rows = [line.split() for line in terminal.splitlines()]
    for one in shown.values():
        for arm, cells in counts(one):
            assert [arm, *" ".join(cells).split()] in rows
    assert counts(shown["relaxed by the energy alone"])[1] == (
        "guided",
        ["2/4", "1", "0.106", "2", "2", "1 (25.0%)"],
    )
    for title, one in shown.items():
        hits, candidates = comparisons(one)
        assert f"  {title}: {candidates.partition(': ')[2]} (non-guided)" in terminal
        line = f"{title[0].upper()}{title[1:]}: {hits}, {candidates} (Fisher&#39;s exact test)."
        assert line in html or line.replace("&#39;", "'") in html


def test_rows_have_the_columns_of_every_geometry(data: ReportData, html: str) -> None:
    made = content(html)
    names = [(c["geometry"], c["name"]) for c in made["columns"]]
    assert len(set(names)) == len(names)
    rows = [dict(zip(names, row, strict=True)) for row in made["rows"]]
    order = [id_of(data, key) for key in (BEST, CONSTRAINED, SAME)]
    assert [row["", "id"] for row in rows][:3] == order
    assert [row["", "rank"] for row in rows] == [1, 2, None, None, None, None]
    assert [row["", "candidate"] for row in rows] == [True] * 3 + [False] * 3
    both = "by the energy alone; with the constraint"
    assert [row["", "candidate when relaxed"] for row in rows][:4] == [
        both, "with the constraint", both, None,
    ]  # fmt: skip
    best, constrained = rows[:2]
    assert [best[way, "hit"] for way in ("sampled", "energy", "constraint")] == [False, True, True]
    assert [best[way, "six"][0] for way in ("sampled", "energy", "constraint")] == [0, 6, 6]
    assert [constrained[way, "hit"] for way in ("sampled", "energy", "constraint")] == [
        True, False, True,
    ]  # fmt: skip
    # one atom of eight by 0.02 a: 7/8 of that without the common shift, in the cell after relaxing
    assert best["energy", "moved"] == pytest.approx(0.02 * 5.6 * 7 / 8)
    assert best["energy", "relaxing"] == "converged after 12 steps"
    # `left at` stays that of the structure as sampled
    assert best["sampled", "left at"] == "hits, U ∩ S ∩ O ∩ C"
    assert ("energy", "left at") not in names
    # one that was not relaxed has no value, and says why
    [left] = [row for row in rows if row["", "id"] == id_of(data, ("guided", 2))]
    assert (left["energy", "hit"], left["energy", "relaxing"]) == (None, NOT_RELAXED)
    # known crystals have no geometry but their own
    for row in made["known"]:
        known = dict(zip(names, row, strict=True))
        assert known["sampled", "e_above_hull"] == 0
        assert known["energy", "e_above_hull"] is None


def test_a_relaxation_says_how_it_ended(judged: Judged, data: ReportData) -> None:
    [_, energy, _] = data.geometries
    record = next(r for r in data.validation.records if r.id == id_of(data, BEST))
    other = next(r for r in data.validation.records if r.id == id_of(data, ("guided", 2)))
    assert energy.relaxation is not None
    arms = {"guided": {1: Relaxed(rock_salt(), 50)}}
    some = geometries(judged.validation, [replace(energy.relaxation, structures=arms)])[1]
    assert some.ended(record) == "not converged after 50 steps"
    assert some.ended(other) is None  # it was not asked for


# ---- in the browser ----


def test_it_opens_on_the_best_candidate_relaxed(data: ReportData, page: Any) -> None:
    best = data.shortlist[0]
    assert (best.id, best.geometry) == (id_of(data, BEST), "energy")
    assert best.id in page.locator("#view-name").inner_text()
    assert page.locator("#shapes button").all_inner_texts() == [*LABELS, "compare"]
    assert pressed(page) == ["relaxed by the energy alone"]
    assert page.locator("#canvas").get_attribute("aria-label").startswith(
        f"Crystal structure {best.id}, relaxed by the energy alone: 4 Na, 4 Cl in the cell"
    )  # fmt: skip
    assert page.locator("#candidates tr[aria-current]").get_attribute("data-id") == best.id
    assert page.locator(".card:has([aria-current])").get_attribute("data-id") == best.id


def test_the_gallery_has_a_card_for_each_of_the_shortlist(data: ReportData, page: Any) -> None:
    cards = page.locator(".card")
    assert [card.get_attribute("data-id") for card in cards.all()] == [c.id for c in data.shortlist]
    said = [re.sub(r"\s+", " ", card.inner_text()) for card in cards.all()]
    assert said == [
        "1 NaCl Fm-3m above hull 0.108 eV/atom by second 0.15 eV/atom ✓ confirmed holds by itself "
        "six 6 moved 0.098 Å volume × 0.584 nearest known –",
        "2 NaCl P6_3/mmc above hull 0.104 eV/atom by second 0.15 eV/atom ✗ not confirmed holds "
        "constrained six 6 moved 0 Å volume × 0.609 nearest known –",
    ]


def test_a_card_is_chosen_by_mouse_and_by_keyboard(data: ReportData, page: Any) -> None:
    first, second = (id_of(data, key) for key in (BEST, CONSTRAINED))
    box = page.locator(".card").nth(1).bounding_box()
    page.mouse.click(box["x"] + box["width"] - 20, box["y"] + 20)  # anywhere on it
    assert second in page.locator("#view-name").inner_text()
    assert pressed(page) == ["relaxed with the constraint"]
    assert page.locator("#candidates tr[aria-current]").get_attribute("data-id") == second
    page.locator(".card button").nth(1).focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert first in page.locator("#view-name").inner_text()
    assert pressed(page) == ["relaxed by the energy alone"]
    assert page.locator(".card [aria-current]").inner_text() == "NaCl"
    assert page.locator("#said").inner_text() == f"NaCl {first} selected"


_BLANK = """(canvas) => {
  const {width, height} = canvas, empty = Object.assign(document.createElement("canvas"), {width, height});
  return canvas.toDataURL() === empty.toDataURL();
}"""


def test_the_gallery_ends_after_twelve(data: ReportData) -> None:
    several = tuple(replace(data.shortlist[0], rank=k + 1, id=f"x-{k}") for k in range(15))
    html = render(replace(data, shortlist=several), [])
    assert re.findall(r'class="card" data-id="(.*?)"', html) == [f"x-{k}" for k in range(CARDS)]
    assert CARDS == 12
    assert "3 more stand in the list of structures." in html


def test_cards_are_drawn_when_they_come_into_sight(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 300})
    page.reload()
    canvas = page.locator(".card canvas").nth(1)
    assert canvas.evaluate(_BLANK)
    canvas.scroll_into_view_if_needed()
    page.wait_for_function(f"() => !({_BLANK})(document.querySelectorAll('.card canvas')[1])")


def test_buttons_switch_the_geometry(data: ReportData, page: Any) -> None:
    seen = {}
    for label in LABELS:
        page.get_by_role("button", name=label, exact=True).press("Enter")
        assert pressed(page) == [label]
        assert f", {label}: " in page.locator("#canvas").get_attribute("aria-label")
        seen[label] = drawn(page)
    assert len(set(seen.values())) == 3
    table = [
        [cell.inner_text() for cell in row.locator("th, td").all()]
        for row in page.locator("#found tr").all()
    ]
    assert table[:4] == [
        ["", *LABELS],
        ["hit", "✗", "✓", "✓"],
        ["e_above_hull", "0.108", "0.108", "0.108"],
        ["six", "0 ✗", "6 ✓", "6 ✓"],
    ]
    assert ["a, b, c", *(f"{a}, {a}, {a} Å" for a in ("6.700", "5.600", "5.700"))] in table
    # what is known only of the structure as sampled stands below a heading that says so
    assert page.locator("#rest-title").inner_text() == "As sampled"
    assert "left at" in page.locator("#rest dt").all_inner_texts()
    assert "left at" not in page.locator("#facts dt").all_inner_texts()


def test_comparing_turns_both(page: Any) -> None:
    alone = drawn(page)
    compare = page.get_by_role("button", name="compare")
    compare.press("Enter")
    assert pressed(page) == ["relaxed by the energy alone", "compare"]
    assert page.locator("#before-label").inner_text() == "as sampled"
    assert page.locator("#canvas-label").inner_text() == "relaxed by the energy alone"
    boxes = [page.locator(f"#{name}").bounding_box() for name in ("canvas-before", "canvas")]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    assert boxes[0]["y"] == pytest.approx(boxes[1]["y"], abs=1)
    assert boxes[0]["width"] == pytest.approx(boxes[1]["width"], abs=1)
    before = [drawn(page, "canvas-before"), drawn(page)]
    assert before[0] != before[1] != alone
    for turned in ("canvas-before", "canvas"):
        page.locator(f"#{turned}").press("ArrowLeft")
        after = [drawn(page, "canvas-before"), drawn(page)]
        assert all(one != other for one, other in zip(before, after, strict=True))
        before = after
    box = boxes[0]
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 80, box["y"] + 60)
    page.mouse.up()
    after = [drawn(page, "canvas-before"), drawn(page)]
    assert all(one != other for one, other in zip(before, after, strict=True))
    # the one as sampled beside itself would say nothing
    page.get_by_role("button", name="as sampled", exact=True).click()
    assert pressed(page) == ["as sampled"]
    assert not page.locator("#before").is_visible()
    compare.click()
    assert pressed(page) == ["relaxed by the energy alone", "compare"]
    # it stays from structure to structure, as far as there is something to compare
    page.locator(".card button").nth(1).click()
    assert pressed(page) == ["relaxed with the constraint", "compare"]
    page.locator("#candidates tr[data-id$='-guided-0-2'] button").first.click()
    assert not page.locator("#shapes").is_visible()
    assert not page.locator("#before").is_visible()
    assert NOT_RELAXED in page.locator("#found").inner_text()


def test_both_have_one_scale_and_one_orientation(page: Any) -> None:
    """Na of the corner a, as the viewers have it: the cell of 6.7 Å is wider by 6.7 / 5.6."""
    page.get_by_role("button", name="compare").click()
    ratio = page.evaluate(
        """() => {
          const data = JSON.parse(document.getElementById("data").textContent);
          const view = new View(data.elements, data.pairs), id = data.rows[0][0];
          const shapes = [data.structures[id], data.relaxed.energy.structures[id]].map((crystal, k) =>
            ({ name: String(k), label: "", file: "", crystal }));
          view.comparing = true;
          view.show(id, "", shapes, "1", () => {});
          const edges = [];
          line = (context, p, q) => edges.push([q.at[0] - p.at[0], p.size]);
          const far = (viewer) => {
            edges.length = 0;
            viewer.edges = viewer.edges.slice(0, 1), viewer.bonds = [];
            viewer.draw();
            return edges[0];
          };
          const [one, other] = [view.before, view.viewer].map(far);
          return [one[0] / other[0], view.before.pose === view.viewer.pose];
        }"""
    )
    assert ratio == [pytest.approx(6.7 / 5.6, rel=1e-3), True]


@pytest.mark.parametrize(
    ("label", "file", "made"),
    [
        ("as sampled", "as-sampled", SAMPLED),
        ("relaxed by the energy alone", "relaxed-energy", BY_ENERGY),
        ("relaxed with the constraint", "relaxed-constraint", WITH_CONSTRAINT),
        ("compare", "relaxed-energy", BY_ENERGY),
    ],
)
def test_the_cif_is_the_geometry_that_is_shown(
    data: ReportData, page: Any, tmp_path: Path, label: str, file: str, made: Any
) -> None:
    page.get_by_role("button", name=label, exact=True).click()
    with page.expect_download() as download:
        page.click("#cif")
    target = tmp_path / download.value.suggested_filename
    assert target.name == f"{id_of(data, BEST)}-{file}.cif"
    download.value.save_as(target)
    read, wanted = Structure.from_file(target), made[BEST]
    assert read.lattice.matrix == pytest.approx(wanted.lattice.matrix, abs=1e-5)
    assert read.frac_coords % 1 == pytest.approx(wanted.frac_coords % 1, abs=1e-5)
    assert [s.specie.symbol for s in read] == [s.specie.symbol for s in wanted]


def test_columns_stand_below_the_name_of_their_geometry(page: Any) -> None:
    groups = page.locator("#candidates .groups > *").all()
    assert [cell.inner_text() for cell in groups] == ["", LABELS[1], LABELS[2], LABELS[0]]
    spans = [int(cell.get_attribute("colspan") or 1) for cell in groups]
    heads = page.locator("#candidates thead button").all_inner_texts()
    assert sum(spans) == len(heads)
    assert heads[spans[0] : spans[0] + spans[1]] == [
        "hit", "e_above_hull", "six", "dense", "moved", "relaxing",
    ]  # fmt: skip
    assert heads[-2:] == ["left at", "reason"]
    for index in range(len(heads)):  # every column sorts
        page.locator("#candidates thead button").nth(index).click()
        marked = page.locator("#candidates thead [aria-sort=ascending]")
        assert marked.all_inner_texts() == [heads[index]]
    page.check("#filter-candidate")
    assert page.locator("#candidates tbody tr").count() == 3
    page.uncheck("#filter-candidate")
    page.check("#filter-hit")  # as sampled
    shown = page.locator("#candidates tbody tr")
    assert [row.get_attribute("data-id")[-10:] for row in shown.all()] == ["guided-0-0"]


def test_hostile_text_is_text(page: Any) -> None:
    page.locator("#candidates tr[data-id$='-guided-0-2'] button").first.click()
    assert HOSTILE in page.locator("#found").inner_text()
    assert page.evaluate("window.pwned") is None
    assert page.locator("img").count() == 0


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_no_objection(data: ReportData, opened: Open, scheme: str, width: int) -> None:
    page = opened(render(data, draw(data)))
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.get_by_role("button", name="compare").click()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_run_that_was_not_relaxed_has_none_of_it(salts: ReportData, opened: Open) -> None:
    html = render(salts, [pareto(salts)])
    for part in ('class="gallery"', 'class="plain counts"', "as sampled</h2>", "After relaxing"):
        assert part not in html
    made = content(html)
    assert (made["relaxed"], made["candidates"]) == ({}, {})
    assert {column["geometry"] for column in made["columns"]} == {""}
    page = opened(html)
    assert made["rows"][0][0] in page.locator("#view-name").inner_text()
    for hidden in ("#shapes", "#before", "#found", "#rest-title", "#canvas-label"):
        assert not page.locator(hidden).is_visible()
    assert page.locator("#candidates .groups").count() == 0
    assert page.locator("#facts dt").all_inner_texts()[:3] == ["a, b, c", "α, β, γ", "atoms"]
    with page.expect_download() as download:
        page.click("#cif")
    assert download.value.suggested_filename == f"{made['rows'][0][0]}.cif"


def test_the_limit_leaves_out_what_is_no_candidate(data: ReportData) -> None:
    made = content(render(data, [], limit=2))
    best = {id_of(data, key) for key in (BEST, CONSTRAINED)}
    assert set(made["structures"]) == best
    assert all(set(one["structures"]) == best for one in made["relaxed"].values())


@pytest.mark.slow
def test_a_thousand_structures_relaxed_in_two_ways_are_below_fifteen_megabytes(
    judged: Judged, opened: Open
) -> None:
    """Two arms of 500, 16 atoms each, most of them hits with all their octahedra."""
    html = render(*thousand(judged))
    made = content(html)
    assert [
        len(made["structures"]),
        *(len(one["structures"]) for one in made["relaxed"].values()),
    ] == [1000] * 3
    assert len(html.encode()) < 15_000_000
    page = opened(html)
    took = page.evaluate(
        """() => { const start = performance.now();
        document.querySelectorAll("#candidates tbody button")[1].click();
        return performance.now() - start; }"""
    )
    assert took < 500  # ms, also on a busy machine


def thousand(judged: Judged) -> tuple[ReportData, list[Any]]:
    random = np.random.default_rng(0)

    def crystal(noise: float) -> Structure:
        """Distorted rock salt."""
        salt = rock_salt(a=5.6) * (2, 1, 1)
        moved = salt.frac_coords + noise * random.normal(size=(16, 3))
        cell = salt.lattice.matrix @ (np.eye(3) + noise * random.normal(size=(3, 3)))
        return Structure(Lattice(cell), salt.species, moved)

    made = report_data(checked(TEXT), generated("guided", crystal(0.01)))
    [record] = made.validation.records

    def records(noise: float) -> tuple[Any, ...]:
        return tuple(
            replace(
                record,
                id=f"0123abcd-{arm}-0-{k}",
                generated=replace(record.generated, arm=arm, index=k, structure=crystal(noise)),
            )
            for arm in ("guided", "non-guided")
            for k in range(500)
        )

    sampled = records(0.02)
    ways = tuple(
        replace(
            one,
            validation=replace(made.validation, records=records(0.01)),
            structures={
                arm: {k: Relaxed(rock_salt(), 50) for k in range(500)}
                for arm in ("guided", "non-guided")
            },
        )
        for one in judged.relaxations[:2]
    )
    crystals = tuple(
        replace(made.crystals[0], id=r.id, group=r.arm, structure=r.structure, loss=0.1)
        for r in sampled
    )
    data = replace(
        made,
        validation=replace(made.validation, records=sampled),
        crystals=crystals,
        relaxations=ways,
    )
    return data, [pareto(data)]
