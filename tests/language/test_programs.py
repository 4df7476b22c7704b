"""Every program in tests/good, tests/bad and examples/paper, against the snapshot beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from outline import outline
from programs import BAD, GOOD, TESTS, check

from scoutlang.language import CheckResult
from scoutlang.language.diagnostics.render.text import render

PAPER = sorted((TESTS.parent / "examples" / "paper").glob("*.scout"))

Compare = Callable[[Path, str], None]


def ir(result: CheckResult) -> str:
    assert result.program is not None
    data = result.program.to_data()
    del data["source_text"]
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def messages(result: CheckResult) -> str:
    return render(result.diagnostics, result.source) + "\n"


@pytest.mark.parametrize("path", GOOD, ids=lambda p: p.stem)
def test_good_program_means_what_its_snapshot_says(path: Path, compare: Compare) -> None:
    result = check(path)
    assert result.program is not None, messages(result)
    compare(path.with_suffix(".meaning.txt"), outline(result.program))
    if result.diagnostics:
        compare(path.with_suffix(".diagnostics.txt"), messages(result))
    else:
        assert not path.with_suffix(".diagnostics.txt").exists(), (
            "a warning is expected that did not come"
        )


@pytest.mark.parametrize("path", BAD, ids=lambda p: p.stem)
def test_bad_program_gets_the_messages_of_its_snapshot(path: Path, compare: Compare) -> None:
    result = check(path)
    assert not result.ok
    compare(path.with_suffix(".diagnostics.txt"), messages(result))


@pytest.mark.parametrize("path", PAPER, ids=lambda p: p.stem)
def test_paper_program_at_every_stage(path: Path, compare: Compare) -> None:
    result = check(path)
    assert result.ok, messages(result)
    assert {d.code for d in result.diagnostics} <= {"I060"}
    folder = Path(__file__).parent / "snapshots"
    compare(
        folder / f"{path.stem}.ast.json",
        json.dumps(result.module.as_data(), indent=1, ensure_ascii=False) + "\n",
    )
    compare(folder / f"{path.stem}.ir.json", ir(result))


def test_no_snapshot_is_left_over() -> None:
    programs = {p.with_suffix("") for p in (*GOOD, *BAD)}
    snapshots = [s for folder in ("good", "bad") for s in (TESTS / folder).rglob("*.txt")]
    assert {
        s.with_suffix("").with_suffix("")
        for s in snapshots
        if s.parent.name in ("good", "bad", "with_files", "poor")
    } <= programs


def test_the_paper_has_seven_rows() -> None:
    assert len(PAPER) == 7
    assert len(GOOD) >= 120
    assert len(BAD) >= 120
