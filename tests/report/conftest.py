"""A judged run, and a headless browser to open its page in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from browsers import chromium, executable
from crystals_by_hand import rock_salt, simple_cubic
from hostile_salts import HOSTILE, TEXT, caesium_chloride, checked, generated, report_data

from scoutlang.report.data import ReportData


@pytest.fixture(scope="session")
def salts() -> ReportData:
    """Both arms: hits and misses, a duplicate, one without a crystal, and text of a stranger
    wherever there is text.
    """
    program = checked(TEXT)
    guided = generated(
        "guided",
        rock_salt(),
        rock_salt(a=5.7),
        caesium_chloride(),
        rock_salt(a=5.0),
        simple_cubic("Na", 3.8),
    )
    plain = generated(
        "non-guided",
        caesium_chloride(),
        None,
        caesium_chloride(4.2),
        simple_cubic("Cl", 3.8),
        simple_cubic("Na", 3.0),
    )
    return report_data(
        replace(program, source_name=f"salts{HOSTILE}.scout"),
        [*guided, *plain],
        name=f"salts {HOSTILE}",
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Headless Chromium; a test that asks for it is skipped where there is none."""
    if executable() is None:
        pytest.skip("no Chromium here; `make browser` gets one")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = chromium(playwright)
        yield running
        running.close()


@pytest.fixture(scope="session")
def said() -> list[str]:
    """What pages say that should be silent: messages, errors, dialogs, and requests but for the
    file itself.
    """
    return []


@pytest.fixture(scope="session")
def open_page(
    browser: object, said: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], object]:
    def open_(text: str) -> object:
        file = tmp_path_factory.mktemp("page") / "report.html"
        file.write_text(text, encoding="utf-8")
        page = browser.new_page(viewport={"width": 1400, "height": 900})  # type: ignore[attr-defined]
        page.on("console", lambda message: said.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        page.on(
            "request",
            lambda request: (
                said.append(f"request: {request.url}") if request.url != file.as_uri() else None
            ),
        )
        page.goto(file.as_uri())
        return page

    return open_


@pytest.fixture
def opened(
    open_page: Callable[[str], object], said: list[str]
) -> Iterator[Callable[[str], object]]:
    """Open a page from a file, which must be silent until the test is over."""
    pages = []

    def open_(text: str) -> object:
        pages.append(open_page(text))
        return pages[-1]

    said.clear()
    yield open_
    for page in pages:
        page.close()  # type: ignore[attr-defined]
    assert said == []
