"""Pages that everybody can read: axe-core finds no violation, and no reason is cut off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from crystals_by_hand import rock_salt, simple_cubic
from hostile_salts import TEXT, caesium_chloride, checked, generated, report_data

from scoutlang.report.figures import draw
from scoutlang.report.page import render
from scoutlang.report.structure_page import write_structure_page

Open = Callable[..., Any]

REASON = (
    "the sampler wrote numbers that are no numbers into the third lattice vector after 250 steps, "
    f"and stopped: /a/path/without/{'spaces/' * 12}weights.safetensors, IT SAYS, IS < THE REASON #"
)


@pytest.fixture(scope="module")
def html() -> str:
    """Every figure, and of either arm more reasons than the table shows at once, most of them long."""
    structures = [rock_salt(), rock_salt(a=5.7), caesium_chloride(), simple_cubic("Na", 3.8)]
    failed = [
        replace(one, failure=REASON + str(max(k, 1)))
        for arm in ("guided", "non-guided")
        for k, one in enumerate(generated(arm, *[None] * 9))
    ]
    made = [one for arm in ("guided", "non-guided") for one in generated(arm, *structures)]
    moved = [replace(one, index=one.index + 10) for one in made]
    data = report_data(checked(TEXT), [*failed, *moved])
    return render(data, draw(data))


@pytest.fixture(scope="module")
def shared(html: str, open_page: Open) -> Any:
    return open_page(html)


@pytest.fixture
def page(shared: Any, said: list[str]) -> Any:
    """The page with its figures drawn."""
    said.clear()
    for plot in shared.locator(".plot").all():
        plot.scroll_into_view_if_needed()
        plot.locator("svg.main-svg").first.wait_for()
    yield shared
    assert said == []


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_no_objection_to_the_report(page: Any, scheme: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_no_objection_to_a_structure(tmp_path: Path, opened: Open, scheme: str) -> None:
    file = write_structure_page(
        tmp_path / "one.html", "NaCl", rock_salt(), checked(TEXT), {"six": "6.000 ✓"}
    )
    page = opened(file.read_text(encoding="utf-8"))
    page.emulate_media(color_scheme=scheme)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_axe_would_object(opened: Open) -> None:
    found = Axe().run(opened("<html><body><img src='data:,'><button></button></body></html>"))
    assert {"image-alt", "button-name"} <= {rule["id"] for rule in found.response["violations"]}


_CUT_OFF = """(selector) => [...document.querySelectorAll(selector)]
  .flatMap((one) => [one, ...one.querySelectorAll("*")])
  .filter((one) => one instanceof HTMLElement && one.clientWidth && one.scrollWidth > one.clientWidth)
  .map((one) => one.outerHTML.slice(0, 200))"""
_OUTSIDE = """(selector) => [...document.querySelectorAll(`${selector} svg.main-svg text`)]
  .filter((text) => {
    const [own, frame] = [text, text.closest("svg")].map((one) => one.getBoundingClientRect());
    return own.left < frame.left || own.right > frame.right
      || own.top < frame.top || own.bottom > frame.bottom;
  }).map((text) => text.textContent)"""


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_every_reason_can_be_read_whole(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_function(
        """() => Number(document.querySelector("[data-figure=funnel] svg.main-svg").clientWidth)
          === document.querySelector("#figure-funnel").clientWidth"""
    )
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(_CUT_OFF, "#figure-funnel, section:has(.funnels)") == []
    assert page.evaluate(_OUTSIDE, "#figure-funnel") == []
    # once in the figure for each arm, spread over lines
    lines = page.locator("[data-figure=funnel] .annotation-text tspan.line").all_text_contents()
    assert not any("…" in line for line in lines)
    assert (
        "".join(lines).replace(" ", "").count(f"lost2:nostructure:{REASON}1".replace(" ", "")) == 2
    )
    # each in the table
    said = page.locator(".funnel .reason").all_inner_texts()
    for k in range(1, 9):
        assert said.count(f"{2 if k == 1 else 1}: no structure: {REASON}{k}") == 2
    # lines of a set stand one below the other
    boxes = [
        text.bounding_box() for text in page.locator("[data-figure=funnel] .annotation-text").all()
    ]
    tops = [(box["y"], box["y"] + box["height"]) for box in boxes]
    assert all(below[0] >= above[1] - 1 for above, below in pairwise(tops))


def test_reasons_beyond_the_sixth_open_by_keyboard(page: Any) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = false; })")
    hidden = page.locator(".funnel details").first
    assert hidden.locator("summary").inner_text() == "2: 2 other reasons"
    assert not hidden.locator(".reason").first.is_visible()
    hidden.locator("summary").press("Enter")
    assert hidden.locator(".reason").all_inner_texts() == [
        f"1: no structure: {REASON}{k}" for k in (7, 8)
    ]
