"""The site of docs/: it is built strictly, has what it promises, and can be read by everybody and
without a network.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any

import click
import pytest
from axe_playwright_python.sync_playwright import Axe
from filelock import FileLock
from processes import run

import scoutlang
from scoutlang.interfaces.cli import commands

sys.path.append(str(Path(__file__).parents[1] / "report"))

from browsers import chromium, executable  # isort: skip

ROOT = Path(__file__).parents[2]
KINDS = (
    "index.html",
    "language.html",
    "tutorials/3-reading-a-result.html",
    "api/plugins.html",
    "commands.html",
    "architecture.html",
    "examples/copper_pairs.html",
)
"""A page of each kind."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once, whatever the number of processes that test."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder, said = shared / "site", shared / "site.txt"
    with FileLock(shared / "site.lock"):
        if not said.exists():
            mkdocs = [sys.executable, "-m", "mkdocs", "build", "--strict"]
            done = run(
                [*mkdocs, "-f", "tools/site/mkdocs.yml", "-d", str(folder)],
                cwd=ROOT,
                env={"NO_MKDOCS_2_WARNING": "1"},
                stdout=PIPE,
                stderr=STDOUT,
            )
            said.write_text(f"{done.returncode}\n{done.stdout.decode()}", encoding="utf-8")
    code, _, output = said.read_text(encoding="utf-8").partition("\n")
    assert code == "0", output
    assert "WARNING" not in output, output
    return folder


def text(page: Path) -> str:
    """What a page says, without its markup."""
    return re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))


def test_every_page_and_example_is_there(site: Path) -> None:
    pages = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    examples = [*ROOT.glob("examples/*.scout"), *ROOT.glob("examples/paper/*.scout")]
    assert len(pages) >= 30
    assert len(examples) >= 13
    missing = [page for page in pages if not (site / page.with_suffix(".html")).is_file()]
    missing += [one for one in examples if not (site / "examples" / f"{one.stem}.html").is_file()]
    assert missing == []


def test_the_public_names_are_in_the_reference(site: Path) -> None:
    page = (site / "api" / "index.html").read_text(encoding="utf-8")
    named = set(re.findall(r'id="scoutlang\.[\w.]*?(\w+)"', page))
    assert set(scoutlang.__all__) - {"__version__"} <= named
    plugins = (site / "api" / "plugins.html").read_text(encoding="utf-8")
    for name in ("DescriptorSignature", "CalculatorPotential", "Stage", "check_descriptor"):
        assert re.search(rf'id="scoutlang\.[\w.]*{name}"', plugins), name


def test_every_command_and_option_is_there(site: Path) -> None:
    page = text(site / "commands.html")
    context = click.Context(commands)
    for name in commands.list_commands(context):
        command = commands.get_command(context, name)
        assert command is not None
        assert f"scout {name}" in page
        options = [one for parameter in command.params for one in parameter.opts]
        assert [one for one in options if one.startswith("--") and one not in page] == [], name


def test_programs_are_coloured(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    assert re.search(r'<span class="k\w*">require</span>', page)


def test_links_out_of_docs_lead_to_pages(site: Path) -> None:
    page = (site / "scaling.html").read_text(encoding="utf-8")
    assert 'href="repository/benchmarks/RESULTS.html#kills"' in page
    assert 'id="kills"' in (site / "repository/benchmarks/RESULTS.html").read_text(encoding="utf-8")
    assert 'id="E041"' in (site / "codes.html").read_text(encoding="utf-8")


def test_the_rooms_are_drawn(site: Path) -> None:
    page = (site / "architecture.html").read_text(encoding="utf-8")
    source = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    [diagram] = re.findall(r"<svg[^>]*role=\"img\".*?</svg>", page, re.DOTALL)
    rooms = re.findall(r'\["(\w+):', source)
    assert len(rooms) >= 12
    assert [room for room in rooms if f">{room}:" not in diagram] == []
    assert "mermaid" not in page


def test_nothing_comes_from_another_host(site: Path) -> None:
    loading = re.compile(r'(?:\ssrc|<link[^>]*\shref|<object[^>]*\sdata)="?(?:https?:)?//')
    for page in site.rglob("*.html"):
        assert not loading.search(page.read_text(encoding="utf-8")), page
    index = json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))
    assert len(index["docs"]) > 500


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if executable() is None:
        pytest.skip("no Chromium here; `make browser` gets one")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = chromium(playwright)
        yield running
        running.close()


@pytest.fixture
def opened(browser: Any, site: Path) -> Iterator[Callable[..., Any]]:
    """Open a page of the site from its file; it asks for nothing else than files of the site, and
    says nothing.
    """
    pages = []

    def open_(name: str, width: int, scheme: str) -> Any:
        said: list[str] = []  # until it is open: axe-core asks for style sheets afterwards
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("console", lambda message: said.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((site.as_uri(), "data:"))
                else said.append(request.url)
            ),
        )
        page.goto((site / name).as_uri())
        pages.append(page)
        assert said == []
        return page

    yield open_
    for page in pages:
        page.close()


@pytest.mark.parametrize("name", KINDS)
def test_a_page_can_be_read_by_everybody(opened: Callable[..., Any], name: str) -> None:
    for width in (400, 1400):
        for scheme in ("light", "dark"):
            page = opened(name, width, scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            found = Axe().run(page).response["violations"]
            grave = [one for one in found if one["impact"] in ("serious", "critical")]
            assert grave == [], [(one["id"], one["nodes"][0]["html"]) for one in grave]


def test_the_search_finds_without_a_server(opened: Callable[..., Any]) -> None:
    page = opened("index.html", 1400, "light")
    page.locator(".md-search__input").click()
    page.keyboard.type("scigen")
    page.locator(".md-search-result__item").first.wait_for()
    found = page.locator(".md-search-result__link").first.get_attribute("href")
    assert "coming-from.html" in found
