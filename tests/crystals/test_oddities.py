"""Some known crystals, each written in many legal and illegal ways: what is read is the crystal,
what is not is refused with its reason, and nothing is another crystal without a word.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from oddities import MOULDS, Oddity, oddities, same_crystal

from scoutlang.crystals.io import parse, read_structures
from scoutlang.interfaces.cli import commands
from scoutlang.support.errors import ScoutError
from scoutlang.training.data import rows
from scoutlang.validation.reference import load
from scoutlang.validation.reference.adding import add

MACHINERY = (
    "Traceback",
    "Error(",
    "object has",
    "NoneType",
    "invalid literal",
    "could not convert",
)
"""Words of a library, not of the field."""


@cache
def corpus() -> dict[str, list[Oddity]]:
    found: dict[str, list[Oddity]] = {}
    for one in oddities():
        way = one.way.split(" by ")[-1] if one.way.startswith("setting") else one.way
        found.setdefault(way, []).append(one)
    return found


def wrong(one: Oddity, tmp_path: Path) -> str:
    """What is not as it must be; empty where all is."""
    if one.filename.endswith((".zip", ".tar", ".tar.gz")):
        path = tmp_path / one.filename
        path.write_bytes(one.data)
        found = list(read_structures(path))
    else:
        found = list(parse(one.data, one.filename, one.filename))
    if len(found) != len(one.verdicts):
        return f"{len(found)} for {len(one.verdicts)}: {found}"
    for item, verdict in zip(found, one.verdicts, strict=True):
        if isinstance(item, ScoutError):
            if item.code != verdict:
                return str(item)
            if any(word in item.message for word in MACHINERY):
                return f"words of a library: {item}"
            if not item.message.startswith((one.filename, str(tmp_path))):
                return f"which file? {item}"
        elif verdict == "lacking":
            if not item.lacking:
                return "it does not say what is missing"
        elif verdict not in MOULDS:
            return f"read as {item.crystal}, not refused"
        elif item.lacking:
            return item.lacking
        elif why := same_crystal(item.crystal, MOULDS[verdict], one.atol):
            return why
    first = found[0]
    said = (first.message,) if isinstance(first, ScoutError) else first.doubts
    return "" if any(one.said in text for text in (*said, "")[: max(1, len(said))]) else f"{said}"


def test_the_corpus_is_large() -> None:
    kinds = Counter("read" if one.verdicts[0] in MOULDS else "refused" for one in oddities())
    assert min(kinds.values()) >= 300
    assert len(corpus()) >= 150


@pytest.mark.parametrize("way", corpus())
def test_it_is_the_crystal_or_an_error(way: str, tmp_path: Path) -> None:
    failures = {
        f"{one.verdicts} {one.way}": why for one in corpus()[way] if (why := wrong(one, tmp_path))
    }
    assert not failures


# ---- through the commands ----

EVERYTHING = "-".join(sorted({symbol for m in MOULDS.values() for symbol, *_ in m.sites}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Oddity]]:
    """A file of every way, each of one of the crystals in turn."""
    path = tmp_path_factory.mktemp("strangers") / "files"
    path.mkdir()
    chosen = []
    for k, ones in enumerate(corpus().values()):
        one = ones[k % len(ones)]
        chosen.append(one)
        (path / f"{k:03}_{one.filename}").write_bytes(one.data)
    return path, chosen


def numbers(chosen: list[Oddity]) -> tuple[int, int, int]:
    """Crystals that are whole, that lack atoms, and errors."""
    verdicts = [v for one in chosen for v in one.verdicts if v != "E205"]  # passed over in a folder
    lacking = verdicts.count("lacking")
    whole = sum(v in MOULDS for v in verdicts)
    return whole, lacking, len(verdicts) - whole - lacking


def test_measure_reads_them_all(folder: tuple[Path, list[Oddity]]) -> None:
    path, chosen = folder
    whole, lacking, errors = numbers(chosen)
    claim = f"system {EVERYTHING}; require density > 0.1 g/cm^3"
    done = CliRunner().invoke(commands, ["measure", "-c", claim, "--format", "json", str(path)])
    hits = [one["hit"] for one in json.loads(done.stdout)]
    assert (hits.count(True), hits.count(None)) == (whole, lacking)
    assert done.stderr.count("error[E2") == errors
    assert "internal" not in done.output
    assert "not read in" in done.stderr


def test_a_reference_set_of_them_has_only_whole_crystals(
    folder: tuple[Path, list[Oddity]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCOUT_DATA", str(tmp_path / "data"))
    path, chosen = folder
    whole, lacking, errors = numbers(chosen)
    about = add("odd", str(path))
    assert about["count"] == whole
    assert sum(reason["count"] for reason in about["skipped"].values()) == lacking + errors
    stored = load("odd").subset(EVERYTHING.split("-"))
    assert len(stored) == whole
    for one in stored:
        assert any(not same_crystal(one.structure, mould) for mould in MOULDS.values()), one.id


def test_training_reads_them_all(folder: tuple[Path, list[Oddity]]) -> None:
    path, chosen = folder
    whole, lacking, errors = numbers(chosen)
    found = [row.crystal for row in rows(path)]
    refused = [one for one in found if isinstance(one, ScoutError)]
    assert (len(found), len(refused)) == (whole + lacking + errors, lacking + errors)
    for one in chosen:
        if one.filename.endswith("xyz"):
            (path.parent / one.filename).write_bytes(one.data)
            by_itself = [row.crystal for row in rows(path.parent / one.filename)]
            kinds = [
                x.code if isinstance(x, ScoutError) else same_crystal(x, MOULDS[v])  # type: ignore[arg-type]
                for x, v in zip(by_itself, one.verdicts, strict=False)
            ]
            assert kinds in ([v if v not in MOULDS else "" for v in one.verdicts], [])


def test_validating_reporting_and_candidates_take_the_same(
    folder: tuple[Path, list[Oddity]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sample: a file of every fifteenth way, and the one that lacks atoms."""
    monkeypatch.chdir(tmp_path)
    some = Path("some")
    some.mkdir()
    every = [*enumerate(folder[1])]
    chosen = every[::15] + [pair for pair in every if "lacking" in pair[1].verdicts]
    for k, one in chosen:
        (some / f"{k:03}_{one.filename}").write_bytes(one.data)
    whole, lacking, errors = numbers([one for _, one in chosen])
    claim = f"system {EVERYTHING}\nrequire density > 0.1 g/cm^3\nrelax off\n"
    Path("p.scout").write_text(claim)
    asked = ["validate", "some", "--program", "p.scout", "--potential", "emt", "--out", "run"]
    done = CliRunner().invoke(commands, asked)
    assert done.exit_code == 0, done.output
    rows = pq.read_table("run/records.parquet").to_pylist()
    assert len(rows) == whole + lacking + errors
    read = [row for row in rows if row["formula"] is not None]
    assert len(read) == whole + lacking
    assert [row["hits_status"] for row in read].count("passed") == whole
    assert sum("no positions" in (row["notes"] or "") for row in read) == lacking
    for command in (["candidates", "run"], ["report", "run"]):
        done = CliRunner().invoke(commands, command)
        assert done.exit_code == 0, done.output
