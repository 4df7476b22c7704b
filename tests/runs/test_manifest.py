"""run.json as one type: what earlier versions wrote is read, damage is refused in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

import scoutlang
from scoutlang.runs import manifest as manifests
from scoutlang.runs.manifest import SCHEMA, Cost, Judges, Manifest
from scoutlang.support.errors import ScoutError

EARLIER = Path(__file__).parent / "manifests"
"""One of each kind that a version of scoutlang wrote: keys came one by one."""


@pytest.fixture
def manifest() -> Manifest:
    program = scoutlang.check("system Cu-P; param n = 4; require CN(Cu-P) = n").program
    assert program is not None
    return Manifest.begin(program, ["guided"])


def earlier(kind: str) -> Manifest:
    return Manifest.read(EARLIER / f"{kind}.json")


@pytest.mark.parametrize(
    "kind", sorted(p.stem for p in EARLIER.iterdir() if p.stem != "without_a_program")
)
def test_every_earlier_kind_means_the_same_when_it_is_written_again(
    kind: str, tmp_path: Path
) -> None:
    found = earlier(kind)
    assert found.program.source_text.startswith("system B; require volume_per_atom = 7.5")
    assert found.arms == ("non-guided", "guided")
    assert found.program.sample.steps == 16
    assert (found.processor, found.threads, found.blas) == (None, None, None)
    found.write(tmp_path / "run.json")
    assert Manifest.read(tmp_path / "run.json") == found
    data = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert data["schema_version"] == SCHEMA
    before = json.loads((EARLIER / f"{kind}.json").read_text(encoding="utf-8"))
    changed = {"digest", "program", "guide", "schema_version"}  # as it is now
    assert {k: data[k] for k in before.keys() - changed} == {
        k: before[k] for k in before.keys() - changed
    }


def test_what_earlier_kinds_say() -> None:
    assert earlier("begun").status == "running"
    interrupted = earlier("interrupted_before_judges")
    assert (interrupted.judges, interrupted.reference, interrupted.device) == (None, None, "cpu")
    assert set(interrupted.costs) == {"non-guided"}
    judged = earlier("judged")
    assert judged.judges == Judges(potential="chgnet", reference="mp-mini")
    assert (judged.trace_every, judged.costs["guided"].evaluations) == (2, 248)
    given = earlier("given")
    assert (given.given, given.model) == ({"non-guided": 2, "guided": 8}, None)
    assert given.batches == {}
    union = earlier("given_and_judged").reference
    assert union is not None
    assert [part["name"] for part in union.model_dump()["parts"]] == ["mp-mini", "mine"]
    assert earlier("last_without_a_version").baseline == "runs/other"
    assert earlier("before_relaxing").relaxing is None


def test_a_run_whose_program_was_not_kept_says_what_can_be_done() -> None:
    with pytest.raises(ScoutError, match="does not hold the program") as caught:
        earlier("without_a_program")
    assert caught.value.code == "E604"
    assert "scout validate" in caught.value.hint


def test_it_says_what_a_run_is_made_with(manifest: Manifest) -> None:
    data = manifest.to_data()
    assert data["threads"] == torch.get_num_threads()
    assert data["processor"]
    assert data["blas"]["torch"]
    assert data["packages"]["torch"] == torch.__version__
    assert data["parameters"] == {"n": "4"}
    assert data["source"] == manifest.program.source_text
    assert data["sample"]["steps"] == 250


def test_facts_are_held_to_their_types(manifest: Manifest) -> None:
    cost = Cost(structures=2, seconds=1.5, evaluations=38, diverged=1)
    both = manifest.changed(batches={"guided-000000": cost, "guided-000002": cost})
    assert both.costs == {"guided": Cost(structures=4, seconds=3, evaluations=76, diverged=2)}
    assert manifest.batches == {}
    for wrong in ({"status": "done"}, {"batches": {"guided-000000": 3}}, {"colour": "red"}):
        with pytest.raises(ValidationError):
            manifest.changed(**wrong)


def without(key: str) -> Callable[[dict[str, Any]], Any]:
    return lambda data: {k: v for k, v in data.items() if k != key}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: [], "it is no JSON object"),
        (without("status"), "`status` is missing"),
        (lambda data: data | {"status": "done"}, "`status` is 'done', not 'running'"),
        (
            lambda data: data | {"arms": ["left"]},
            "`arms.0` is 'left', not 'guided', 'non-guided' or",
        ),
        (lambda data: data | {"arms": []}, "`arms` is"),
        (lambda data: data | {"colour": "red"}, "`colour` is no key of a manifest"),
        (lambda data: data | {"device": 7}, "`device` is 7, not a valid string"),
        (lambda data: data | {"threads": -1}, "`threads` is -1"),
        (lambda data: data | {"judges": {"potential": "emt"}}, "`judges.reference` is missing"),
        (
            lambda data: data | {"batches": {"guided-000000": {"seconds": float("nan")}}},
            "`batches.guided-000000.structures` is missing",
        ),
        (lambda data: data | {"schema_version": "1"}, "`schema_version` is '1'"),
        (lambda data: data | {"schema_version": True}, "`schema_version` is True"),
        (without("program"), "its program cannot be read"),
        (lambda data: data | {"program": 3}, "its program cannot be read"),
        (without("digest"), "a program other than the one of its run"),
        (
            lambda data: data | {"program": data["program"] | {"system": ["Cu"]}},
            "a program other than the one of its run",
        ),
    ],
)
def test_what_is_wrong_is_said(
    change: Callable[[dict[str, Any]], Any], said: str, manifest: Manifest, tmp_path: Path
) -> None:
    file = tmp_path / "run.json"
    file.write_text(json.dumps(change(manifest.to_data())), encoding="utf-8")
    with pytest.raises(ScoutError) as caught:
        Manifest.read(file)
    assert caught.value.code == "E604"
    assert said in caught.value.message
    assert str(file) in caught.value.message
    assert "pydantic" not in caught.value.message


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'{"program": ' * 900])
def test_what_is_no_json_is_said(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_bytes(content)
    with pytest.raises(ScoutError, match="is damaged: it is no JSON"):
        Manifest.read(file)


def test_deep_programs_are_refused(manifest: Manifest, tmp_path: Path) -> None:
    data = manifest.to_data()
    data["program"]["terms"][0]["claim"] = "deep"
    text = json.dumps(data).replace('"deep"', f"{'[' * 300}{']' * 300}")
    (tmp_path / "run.json").write_text(text, encoding="utf-8")
    with pytest.raises(ScoutError) as caught:
        Manifest.read(tmp_path / "run.json")
    assert caught.value.code == "E604"


def test_a_manifest_of_any_size_is_not_read(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest.write(tmp_path / "run.json")
    monkeypatch.setattr(manifests, "MAX_BYTES", 1 << 10)
    with pytest.raises(ScoutError, match="it is larger than"):
        Manifest.read(tmp_path / "run.json")


def test_a_newer_version_is_said_to_be_one(manifest: Manifest, tmp_path: Path) -> None:
    newer = manifest.to_data() | {"schema_version": SCHEMA + 1, "colour": "red"}
    (tmp_path / "run.json").write_text(json.dumps(newer), encoding="utf-8")
    with pytest.raises(ScoutError, match="written by a newer scoutlang") as caught:
        Manifest.read(tmp_path / "run.json")
    assert caught.value.hint == "install the newest scoutlang"
    with pytest.raises(FileNotFoundError):
        Manifest.read(tmp_path / "nothing.json")
