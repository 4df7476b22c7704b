"""What the README shows is what happens: its commands are run, their output compared line by line."""

from __future__ import annotations

import doctest
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from processes import scout

import scoutlang

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def visible(text: str) -> str:
    """Without the spaces that a table has at the ends of its lines."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


@pytest.mark.parametrize(
    "block", blocks("console"), ids=lambda block: block.splitlines()[0].removeprefix("$ ")[:40]
)
def test_a_command_prints_what_the_readme_shows(block: str) -> None:
    command, shown = block.split("\n", 1)
    prompt, name, *arguments = shlex.split(command)
    assert (prompt, name) == ("$", "scout")
    done = scout(
        *arguments,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PYTHONIOENCODING": "utf-8", "COLUMNS": "80"},
    )
    assert visible(done.stdout.decode()) == visible(shown)


def test_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    [block] = blocks("pycon")
    report: list[str] = []
    failed, attempted = doctest.DocTestRunner(verbose=False).run(
        doctest.DocTestParser().get_doctest(block, {}, "README.md", "README.md", 0),
        out=report.append,
    )
    assert attempted == 6
    assert not failed, "".join(report)


def test_the_example_is_a_file_and_a_right_program() -> None:
    [block] = blocks("scout")
    assert len(block.splitlines()) == 7
    assert (ROOT / "examples" / "copper_pairs.scout").read_text(encoding="utf-8") == block
    assert scoutlang.check(block).diagnostics == ()


def test_the_language_at_a_glance() -> None:
    rows = re.findall(
        r"^\| .* \| `((?:require|prefer|expect|import|sweep) .*)` \|$", TEXT, re.MULTILINE
    )
    assert len(rows) == 10
    for row in rows:
        assert scoutlang.check(f"system Cu-Si-P-Ca; {row}").diagnostics == (), row


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake ([a-z-]+)\b", TEXT):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize(
    "page",
    sorted([Path("README.md"), *(p.relative_to(ROOT) for p in (ROOT / "docs").rglob("*.md"))]),
    ids=str,
)
def test_links_lead_somewhere(page: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert link.startswith(("https://", "http://")) or (ROOT / page.parent / link).exists(), (
            link
        )
