"""A picture of a page for the README: ``python tests/report/screenshot.py RUN/report.html
docs/report.png``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from browsers import chromium
from PIL import Image
from playwright.sync_api import Page, sync_playwright

_WIDTH, _BELOW = 1400, 800  # pixels, and how many of the part that has the structure


def picture(page: Page, target: Path) -> None:
    """The head of the page, then the best hit among the others and its structure; the figures
    before that one are left out.
    """
    page.check("#filter-hit")
    page.locator("#candidates tbody button").first.click()
    page.add_style_tag(content="figure:not(#figure-pareto) { display: none }")
    page.locator("#figure-pareto .point").first.wait_for()
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(500)
    top = page.evaluate(
        "document.getElementById('structures').getBoundingClientRect().top + scrollY"
    )
    page.set_viewport_size({"width": _WIDTH, "height": round(top) + _BELOW})
    page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    page.wait_for_timeout(500)
    page.screenshot(path=target)
    Image.open(target).quantize(128).save(target, optimize=True)


if __name__ == "__main__":
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        page = browser.new_page(viewport={"width": _WIDTH, "height": 1000}, color_scheme="light")
        page.goto(Path(sys.argv[1]).resolve().as_uri())
        picture(page, Path(sys.argv[2]))
        browser.close()
