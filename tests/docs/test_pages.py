"""The pages in docs/ name files, functions and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
PLACES = (ROOT, ROOT / "scoutlang", ROOT / "scoutlang" / "sampling", ROOT / "tests")


def quoted(page: Path) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "page", [p for p in PAGES if p.name != "language.md"], ids=lambda page: page.name
)
def test_paths_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8").partition("## Where this differs from the plan")[0]
    paths = {
        q.partition("::")[0]
        for q in re.findall(r"`([\w./]+\.(?:py|lark|yaml)(?:::[^`]*)?)`", text)
        if "/" in q and "/x" not in q
    }
    missing = [path for path in paths if not any((place / path).exists() for place in PLACES)]
    assert missing == []


def test_guidance_names_tests_that_exist() -> None:
    tests = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")
    )
    named = re.findall(r"::(test_\w+)", (ROOT / "docs" / "guidance.md").read_text(encoding="utf-8"))
    assert len(named) >= 14
    assert [name for name in named if f"def {name}" not in tests] == []


def test_guidance_names_functions_that_exist() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "scoutlang").rglob("*.py")
    )
    page = quoted(ROOT / "docs" / "guidance.md")
    names = {q for q in page if re.fullmatch(r"_[a-z_]+|[a-z]+(_[a-z]+)+", q)}
    members = {q for q in page if re.fullmatch(r"[A-Z]\w+(\.[a-z_]+)?", q)}
    assert len(names) >= 12
    assert len(members) >= 8
    for name in members:
        kind, _, member = name.partition(".")
        assert re.search(rf"^class {kind}\b", code, re.MULTILINE), name
        assert not member or re.search(rf"^    (def {member}\(|{member}: )", code, re.MULTILINE), (
            name
        )
    assert [name for name in names if f"def {name}(" not in code] == []
