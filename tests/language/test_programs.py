"""Every program of the case files and of examples/paper, against its snapshots."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from outline import outline
from programs import BAD, FILES, GOOD, Case, CaseFile, check, read, update, written

from scoutlang.interfaces.api import check_source
from scoutlang.ir.source import Source
from scoutlang.language import CheckResult
from scoutlang.language.diagnostics.render.text import render

PAPER = sorted((Path(__file__).parents[2] / "examples" / "paper").glob("*.scout"))

UPDATE = bool(os.environ.get("UPDATE_SNAPSHOTS"))


def ir(result: CheckResult) -> str:
    assert result.program is not None
    data = result.program.to_data()
    del data["source_text"]
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def messages(result: CheckResult) -> str:
    return render(result.diagnostics, result.source) + "\n"


def holds(case: Case, found: Case) -> None:
    if UPDATE and found != case:
        update(found)
    else:
        assert found == case


@pytest.mark.parametrize("case", GOOD, ids=lambda c: c.name)
def test_good_program_means_what_its_snapshot_says(case: Case, tmp_path: Path) -> None:
    result = check(case, tmp_path)
    assert result.program is not None, messages(result)
    said = messages(result) if result.diagnostics else None
    holds(case, replace(case, meaning=outline(result.program), messages=said))


@pytest.mark.parametrize("case", BAD, ids=lambda c: c.name)
def test_bad_program_gets_the_messages_of_its_snapshot(case: Case, tmp_path: Path) -> None:
    result = check(case, tmp_path)
    assert not result.ok
    holds(case, replace(case, messages=messages(result)))


@pytest.mark.parametrize("path", PAPER, ids=lambda p: p.stem)
def test_paper_program_at_every_stage(path: Path) -> None:
    result = check_source(Source(path.name, path.read_text(encoding="utf-8")))
    assert result.ok, messages(result)
    assert {d.code for d in result.diagnostics} <= {"I060"}
    tree = json.dumps(result.module.as_data(), indent=1, ensure_ascii=False) + "\n"
    for kind, text in (("ast", tree), ("ir", ir(result))):
        snapshot = Path(__file__).parent / "snapshots" / f"{path.stem}.{kind}.json"
        if UPDATE:
            snapshot.write_text(text, encoding="utf-8")
        assert text == snapshot.read_text(encoding="utf-8")


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_a_case_file_is_written_as_it_is_read(file: Path) -> None:
    assert written(read(file)) == file.read_text(encoding="utf-8")


def test_every_text_can_be_in_a_case_file(tmp_path: Path) -> None:
    file = tmp_path / "odd.test"
    odd = (
        "",
        "\n",
        "\n\n",
        "x",
        "[case x]\n",
        "[",
        "\\",
        "a \\\n",
        " \n  \n",
        "\\x41\n",
        "\r\n\t\x00\ufeff\u2028é",
    )
    cases = tuple(
        Case(f"case{number}", text, said, text or None, file)
        for number, (text, said) in enumerate(itertools.product(odd, (None, *odd)))
    )
    files = {str(number): text.encode() for number, text in enumerate(odd)} | {
        "b": bytes(range(256))
    }
    made = CaseFile("About them.\n", cases, files, {"a link": "../there"})
    file.write_text(written(made), encoding="utf-8")
    assert read(file) == made


def test_names_are_given_once() -> None:
    for cases in (GOOD, BAD, *(file.cases for file in FILES.values())):
        assert len({case.name for case in cases}) == len(cases)


def test_the_paper_has_seven_rows() -> None:
    assert len(PAPER) == 7
    assert len(GOOD) >= 120
    assert len(BAD) >= 120
