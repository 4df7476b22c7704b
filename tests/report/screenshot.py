"""A picture of a page for the README: ``python tests/report/screenshot.py RUN/report.html
docs/report.png``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from browsers import chromium
from PIL import Image
from playwright.sync_api import Page, sync_playwright

_WIDTH, _HEIGHT = 1400, 1700  # pixels


def picture(page: Page, target: Path) -> None:
    """The page as it opens: the verdict, the gallery, the best candidate."""
    page.set_viewport_size({"width": _WIDTH, "height": _HEIGHT})
    page.wait_for_timeout(2500)  # cards are drawn when they are seen
    page.screenshot(path=target)
    Image.open(target).quantize(128).save(target, optimize=True)


if __name__ == "__main__":
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        page = browser.new_page(viewport={"width": _WIDTH, "height": 1000}, color_scheme="light")
        page.goto(Path(sys.argv[1]).resolve().as_uri())
        picture(page, Path(sys.argv[2]))
        browser.close()
