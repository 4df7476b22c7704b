"""Runs from program to folder: what is written, what is refused, and that nothing finished is lost.
The model is small and untrained.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from processes import LONG, until
from pymatgen.core import Structure
from small_runs import TEXT, Interrupt, judge_quickly, manifest, program, write_model

import scoutlang
from scoutlang.interfaces import cli
from scoutlang.runs import run as running
from scoutlang.runs.glance import Glance
from scoutlang.support.errors import ScoutError
from scoutlang.validation.stages import built_in

import scoutlang.sampling.mattergen  # isort: skip


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "small", seed=0)


@pytest.fixture(autouse=True)
def judge(monkeypatch: pytest.MonkeyPatch) -> None:
    judge_quickly(monkeypatch)


def parts(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((folder / "samples").iterdir())}


def structures(folder: Path) -> dict[tuple[str, int], Structure]:
    found = {}
    for name, content in parts(folder).items():
        for row in json.loads(content):
            found[name.rsplit("-", 1)[0], row["index"]] = Structure.from_dict(row["structure"])
    return found


def refusal(code: str, *args: Any, **options: Any) -> ScoutError:
    with pytest.raises(ScoutError) as failure:
        running.run(*args, **options)
    assert failure.value.code == code, failure.value
    return failure.value


@pytest.fixture(scope="module")
def whole(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from beginning to end, for the tests that only read."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        judge_quickly(patch)
        running.run(program(model), folder)
    return folder


# -- what a run leaves
# --------------------------------------------------------------------------------------------------------


def test_the_result_names_the_files_that_are_there(model: Path, tmp_path: Path) -> None:
    result = scoutlang.run(
        program(model, count=1), tmp_path / "run", arms=["guided"], progress=False
    )
    assert result.folder == tmp_path / "run"
    assert {file.name for file in result.files} == {
        *(
            "run.json",
            "records.parquet",
            "records.csv",
            "generated_crystals.extxyz",
            "generated_crystals_cif.zip",
            "summary.json",
        )
    }
    assert all(file.is_file() and file.stat().st_size > 0 for file in result.files)
    assert [r.arm for r in result.validation.records] == ["guided"]
    there = {p.relative_to(tmp_path / "run").as_posix() for p in (tmp_path / "run").rglob("*")}
    kept = {name for name in there if name.startswith("stages/")}
    relaxed = {name for name in there if name.startswith("relaxed/")}
    assert {f"relaxed/{way}/relaxed.json" for way in ("energy", "constraint")} < relaxed
    assert there - kept - relaxed == {
        *(f.name for f in result.files),
        ".lock",
        "relaxed",
        "samples",
        "samples/guided-000000.json",
        "stages",
    }
    assert len(kept) == sum(stage.kept for stage in built_in())


def test_the_manifest_says_what_was_run_with_what(whole: Path, model: Path) -> None:
    found, expected = manifest(whole), program(model)
    assert found["status"] == "finished"
    assert found["source"] == TEXT.format(model=model)
    assert found["source_name"] == "copper.scout"
    assert found["digest"] == expected.digest()
    assert found["arms"] == ["non-guided", "guided"]
    assert found["sample"] == expected.sample.to_data()
    assert found["sample"]["seed"] == 7
    assert found["guide"] == expected.guide.to_data()
    assert found["scoutlang"] == scoutlang.__version__
    assert (
        found["packages"]["torch"] == torch.__version__.split("+")[0]
        or found["packages"]["torch"] == torch.__version__
    )
    assert found["packages"]["mattergen"] == "1.0.3"
    assert found["model"]["name"] == str(model)
    for key, file in (
        ("weights_sha256", "checkpoints/last.ckpt"),
        ("config_sha256", "config.yaml"),
    ):
        assert found["model"][key] == sha256(model / file)
    assert found["potential"] == {"name": "flat", "version": "1", "weights_sha256": "0" * 64}
    assert found["reference"]["name"] == "by hand"
    assert len(found["reference"]["version"]) == 64
    assert found["trace_every"] is None
    assert found["validation"]["structures"] == 10


def test_the_manifest_says_what_every_batch_cost(whole: Path) -> None:
    found = manifest(whole)
    assert sorted(found["batches"]) == [
        f"{arm}-{first:06d}" for arm in ("guided", "non-guided") for first in (0, 2, 4)
    ]
    for arm in ("guided", "non-guided"):
        batches = [found["batches"][f"{arm}-{first:06d}"] for first in (0, 2, 4)]
        # 10 steps: a predictor in each and a corrector in all but the last, for one structure
        assert [b["evaluations"] for b in batches] == [19 * b["structures"] for b in batches]
        assert found["sampling"][arm] == {
            "structures": 5, "evaluations": 95, "diverged": 0, "seconds": pytest.approx(sum(b["seconds"] for b in batches), abs=2e-3)
        }  # fmt: skip
        assert min(b["seconds"] for b in batches) > 0


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_every_structure_is_in_a_part_in_the_records_and_in_the_crystals(whole: Path) -> None:
    assert list(parts(whole)) == [
        f"{arm}-{first:06d}.json" for arm in ("guided", "non-guided") for first in (0, 2, 4)
    ]
    made = structures(whole)
    assert sorted(made) == [(arm, i) for arm in ("guided", "non-guided") for i in range(5)]
    assert all(
        3 <= len(s) <= 4 and {e.symbol for e in s.composition} <= {"Cu", "P"} for s in made.values()
    )
    assert pq.read_table(whole / "records.parquet").num_rows == 10
    crystals = ase.io.read(whole / "generated_crystals.extxyz", ":")
    with zipfile.ZipFile(whole / "generated_crystals_cif.zip") as archive:
        assert len(archive.namelist()) == len(crystals) == 10


def test_a_structure_that_was_not_made_is_a_record_with_its_reason(
    model: Path, tmp_path: Path
) -> None:
    only = program(model, count=2)
    with pytest.raises(KeyboardInterrupt):
        running.run(only, tmp_path / "run", watcher=Interrupt("non-guided", 0))
    (tmp_path / "run" / "samples" / "non-guided-000000.json").write_text(
        json.dumps(
            [{"index": i, "structure": None, "failure": "sampling diverged"} for i in range(2)]
        )
    )
    result = running.run(only, tmp_path / "run", resume=True)
    assert len(result.validation.records) == 4
    assert result.validation.table().arms[0].raw == 2
    assert "sampling diverged" in (tmp_path / "run" / "records.csv").read_text()
    # the part is as an older version wrote it, and what it cost is not known
    assert set(manifest(tmp_path / "run")["sampling"]) == {"guided"}


def test_the_parts_say_which_structure_each_descends_from(whole: Path) -> None:
    rows = [row for content in parts(whole).values() for row in json.loads(content)]
    assert all(set(row) == {"index", "structure", "failure", "ancestor"} for row in rows)
    assert all(row["ancestor"] in (None, row["index"]) for row in rows)


def close(one: Structure, other: Structure) -> bool:
    """The same crystal but for the rounding of float32."""
    if one.atomic_numbers != other.atomic_numbers or not np.allclose(
        one.lattice.matrix, other.lattice.matrix, rtol=1e-2, atol=1e-2
    ):
        return False
    offset = one.frac_coords - other.frac_coords
    return bool(np.abs(offset - np.round(offset)).max() < 1e-2)


@pytest.mark.parametrize("batch", [1, 3, 5])
def test_structure_i_does_not_depend_on_the_batch(
    batch: int, whole: Path, model: Path, tmp_path: Path
) -> None:
    running.run(program(model, batch=batch), tmp_path / "run")
    expected, found = structures(whole), structures(tmp_path / "run")
    assert found.keys() == expected.keys()
    assert all(close(found[key], expected[key]) for key in expected)
    assert not close(expected["guided", 0], expected["guided", 1])
    assert not close(expected["guided", 0], expected["non-guided", 0])


def test_another_seed_makes_other_structures(whole: Path, model: Path, tmp_path: Path) -> None:
    running.run(program(model, seed=8, count=1), tmp_path / "run", arms=["non-guided"])
    assert not close(
        structures(tmp_path / "run")["non-guided", 0], structures(whole)["non-guided", 0]
    )


# -- folders that cannot be used
# ----------------------------------------------------------------------------------------------


def test_a_run_folder_is_not_overwritten(whole: Path, model: Path) -> None:
    before = {file: file.read_bytes() for file in whole.rglob("*") if file.is_file()}
    failure = refusal("E601", program(model), whole)
    assert "--resume" in failure.hint
    assert {file: file.read_bytes() for file in whole.rglob("*") if file.is_file()} == before


def test_a_folder_of_other_files_is_left_alone_even_to_resume(model: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for resume in (False, True):
        refusal("E601", program(model), tmp_path, resume=resume)
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "cache") == ["thesis.tex"]


def test_a_file_is_no_folder(model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    refusal("E601", program(model), tmp_path / "file")
    refusal("E602", program(model), tmp_path / "file" / "run")
    assert (tmp_path / "file").read_text() == "x"


def test_a_folder_that_nobody_may_write(model: Path) -> None:
    failure = refusal("E602", program(model), "/proc/scoutlang/run")
    assert "/proc/scoutlang/run" in failure.message
    assert "--out" in failure.hint


def test_an_empty_folder_may_be_used(model: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert (
        running.run(program(model, count=1), tmp_path / "run", arms=["guided"]).folder
        == tmp_path / "run"
    )


def test_a_full_disk_ends_the_run_with_a_message_and_keeps_what_was_finished(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def full(source: Path, target: Path) -> None:
        if Path(target).name == "non-guided-000002.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        failure = refusal("E602", program(model), tmp_path / "run")
    assert "No space left" in failure.message
    assert json.loads((tmp_path / "run" / "samples" / "non-guided-000000.json").read_text())
    assert manifest(tmp_path / "run")["status"] == "interrupted"
    running.run(program(model), tmp_path / "run", resume=True)
    assert not list((tmp_path / "run").rglob("*.partial"))


def test_a_failure_that_is_not_about_the_folder_is_not_blamed_on_it(
    model: Path, tmp_path: Path
) -> None:
    """Whatever else the system refuses, here to somebody who watches, is told as it is, and what
    was finished stays.
    """

    class Unlucky(running.Silent):
        def sampling(self, arm: str, done: int, total: int, working: Sequence[Glance]) -> None:
            if done == 2:
                raise OSError(errno.EIO, "the terminal is gone")

    with pytest.raises(OSError, match="the terminal is gone"):
        running.run(program(model), tmp_path / "run", watcher=Unlucky())
    assert manifest(tmp_path / "run")["status"] == "interrupted"
    assert list(parts(tmp_path / "run")) == ["guided-000000.json"]


@pytest.mark.parametrize(
    ("sample", "code"), [({"model": "no/such/model"}, "E510"), ({"model": "/proc"}, "E511")]
)
def test_a_model_that_cannot_be_loaded_does_not_take_the_folder(
    sample: dict[str, Any], code: str, model: Path, tmp_path: Path
) -> None:
    refusal(code, program(model, **sample), tmp_path / "runs" / "mine")
    assert not (tmp_path / "runs" / "mine").exists()
    running.run(program(model, count=1), tmp_path / "runs" / "mine", arms=["guided"])


def test_an_element_that_the_model_does_not_know_is_refused_before_any_work(
    model: Path, tmp_path: Path
) -> None:
    other = dataclasses.replace(program(model), system=("Cu", "Al"))
    assert "Al" in refusal("E520", other, tmp_path / "run").message


# -- interruption and resume
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [("guided", 2), ("non-guided", 4)])
def test_an_interrupted_run_keeps_finished_batches_and_goes_on_to_the_same_end(
    place: tuple[str, int], whole: Path, model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        running.run(program(model), folder, watcher=Interrupt(*place))
    interrupted, kept = manifest(folder), parts(folder)
    assert interrupted["status"] == "interrupted"
    # the arms take turns, so that what is there of one can be compared with the other
    assert list(kept) == (
        ["guided-000000.json", "non-guided-000000.json"]
        if place == ("guided", 2)
        else [
            *(f"guided-{first:06d}.json" for first in (0, 2, 4)),
            *(f"non-guided-{first:06d}.json" for first in (0, 2)),
        ]
    )
    assert not (folder / "records.csv").exists()

    running.run(program(model), folder, resume=True)
    assert manifest(folder)["status"] == "finished"
    assert manifest(folder)["started"] == interrupted["started"]
    after = parts(folder)
    assert {name: after[name] for name in kept} == kept
    assert after == parts(whole)
    assert (folder / "records.csv").read_bytes() == (whole / "records.csv").read_bytes()
    # what the first session cost is not forgotten
    assert {
        name: manifest(folder)["batches"][name] for name in interrupted["batches"]
    } == interrupted["batches"]
    assert set(interrupted["batches"]) == {Path(name).stem for name in kept}
    assert {arm: sums["structures"] for arm, sums in manifest(folder)["sampling"].items()} == {
        "non-guided": 5,
        "guided": 5,
    }


def test_finished_batches_are_not_made_again(model: Path, tmp_path: Path) -> None:
    class Seen(running.Silent):
        def __init__(self) -> None:
            self.steps: list[tuple[str, int]] = []

        def sampling(self, arm: str, done: int, total: int, working: Sequence[Glance]) -> None:
            if working:
                self.steps.append((arm, done))

    with pytest.raises(KeyboardInterrupt):
        running.run(program(model), tmp_path / "run", watcher=Interrupt("guided", 4))
    seen = Seen()
    running.run(program(model), tmp_path / "run", resume=True, watcher=seen)
    assert sorted(set(seen.steps)) == [("guided", 4), ("non-guided", 4)]


def test_a_finished_run_can_be_resumed_which_judges_it_again(
    whole: Path, model: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "run"))
    (folder / "records.csv").unlink()
    running.run(program(model), folder, resume=True)
    assert (folder / "records.csv").read_bytes() == (whole / "records.csv").read_bytes()
    assert parts(folder) == parts(whole)


def test_resume_without_a_run_begins_one(model: Path, tmp_path: Path) -> None:
    running.run(program(model, count=1), tmp_path / "new", resume=True, arms=["guided"])
    assert manifest(tmp_path / "new")["status"] == "finished"


@pytest.fixture
def interrupted(model: Path, tmp_path: Path) -> Path:
    with pytest.raises(KeyboardInterrupt):
        running.run(program(model), tmp_path / "run", watcher=Interrupt("guided", 2))
    return tmp_path / "run"


def test_resume_refuses_another_program_other_settings_and_other_arms(
    interrupted: Path, model: Path
) -> None:
    before = {file: file.read_bytes() for file in interrupted.rglob("*") if file.is_file()}
    mine = program(model)
    text = TEXT.format(model=model)
    refusal(
        "E603", scoutlang.check(text.replace("= 2\n", "= 3\n")).program, interrupted, resume=True
    )
    refusal("E603", program(model, seed=8), interrupted, resume=True)
    refusal("E603", program(model, batch=4), interrupted, resume=True)
    refusal("E603", mine, interrupted, resume=True, arms=["guided"])
    assert {file: file.read_bytes() for file in interrupted.rglob("*") if file.is_file()} == before


def test_a_comment_or_another_name_is_no_other_program(interrupted: Path, model: Path) -> None:
    again = scoutlang.check("# a remark\n" + TEXT.format(model=model), name="renamed.scout").program
    running.run(again, interrupted, resume=True)
    assert manifest(interrupted)["status"] == "finished"


def test_resume_refuses_other_weights_under_the_same_name(model: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copytree(model, tmp_path / "model"))
    with pytest.raises(KeyboardInterrupt):
        running.run(program(mine), tmp_path / "run", watcher=Interrupt("guided", 2))
    shutil.rmtree(mine)
    write_model(mine, seed=1)
    before = manifest(tmp_path / "run")
    assert "weights" in refusal("E603", program(mine), tmp_path / "run", resume=True).message
    assert manifest(tmp_path / "run") == before


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "null", '{"digest": 1}'])
def test_resume_from_a_damaged_manifest(content: str, interrupted: Path, model: Path) -> None:
    (interrupted / "run.json").write_text(content)
    refusal("E603", program(model), interrupted, resume=True)
    assert parts(interrupted)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[]",
        lambda text: "{}",
        lambda text: json.dumps(json.loads(text)[:1]),
        lambda text: text.replace('"index": 0', '"index": 1'),
        lambda text: text.replace('"lattice"', '"latice"'),
        lambda text: text.replace('"Cu"', '"Qq"').replace('"P"', '"Qq"'),
        lambda text: json.dumps([row | {"structure": "a crystal"} for row in json.loads(text)]),
        lambda text: "\0" * len(text),
    ],
    ids=[
        "half",
        "empty",
        "no rows",
        "no list",
        "one too few",
        "twice",
        "no lattice",
        "no element",
        "no structure",
        "zeros",
    ],
)
def test_a_damaged_part_is_named_and_can_be_made_again(
    damage: Callable[[str], str], interrupted: Path, model: Path, whole: Path
) -> None:
    part = interrupted / "samples" / "non-guided-000000.json"
    part.write_text(damage(part.read_text()))
    failure = refusal("E604", program(model), interrupted, resume=True)
    assert str(part) in failure.message
    assert "--resume" in failure.hint
    part.unlink()
    running.run(program(model), interrupted, resume=True)
    assert parts(interrupted) == parts(whole)


# -- the command
# --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def scout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run `scout` in this process: exit code, standard output, standard error."""

    def command(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        monkeypatch.setattr("sys.argv", ["scout", *map(str, arguments)])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        captured = capsys.readouterr()
        return int(leaving.value.code or 0), captured.out, captured.err

    return command


def test_scout_run_of_a_text_with_json(
    scout: Callable[..., tuple[int, str, str]], model: Path, tmp_path: Path
) -> None:
    code, out, err = scout(
        "run",
        "-c",
        TEXT.format(model=model),
        "--out",
        tmp_path / "run",
        "--count",
        2,
        "--format",
        "json",
    )
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert answer["folder"] == str(tmp_path / "run")
    assert all(Path(file).is_file() for file in answer["files"])
    assert [arm["raw"] for arm in answer["table"]["arms"]] == [2, 2]


def test_scout_run_of_a_file_shows_the_table(
    scout: Callable[..., tuple[int, str, str]],
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("copper.scout").write_text(TEXT.format(model=model))
    code, out, err = scout("run", "copper.scout", "--count", 1, "--arms", "guided")
    assert code == 0, err
    assert "records.csv" in out
    assert "loading the model" in err
    assert manifest(Path("runs/copper"))["arms"] == ["guided"]
    code, out, err = scout("run", "copper.scout", "--count", 1, "--arms", "guided")
    assert (code, out) == (1, "")
    assert err.startswith("error[E601]: ")
    assert "hint:" in err


def test_options_override_the_program(
    scout: Callable[..., tuple[int, str, str]], model: Path, tmp_path: Path
) -> None:
    sampling = (
        "--count",
        1,
        "--batch",
        1,
        "--steps",
        11,
        "--seed",
        5,
        "--cfg",
        0.5,
        "--model",
        model,
    )
    options = (*sampling, "--method", "paper", "--trace-every", 2)
    code, _, err = scout(
        "run", "-c", "system Cu-P; require CN(Cu-P) = 2", "--out", tmp_path / "run", *options
    )
    assert code == 0, err
    found = manifest(tmp_path / "run")
    assert found["sample"] == {
        "count": 1,
        "batch": 1,
        "steps": 11,
        "seed": 5,
        "cfg": 0.5,
        "corrector": None,
        "model": str(model),
    }
    assert found["guide"]["method"] == "paper"
    assert found["trace_every"] == 2
    assert [file.name for file in (tmp_path / "run" / "trace.parquet").iterdir()] == [
        "guided-000000.parquet"
    ]


def test_errors_of_the_program_and_of_the_run_are_messages(
    scout: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, _, err = scout("run", "-c", "system Cu-P; requre CN(Cu-P) = 2", "--out", tmp_path / "run")
    assert code == 1
    assert "requre" in err
    code, _, err = scout(
        "run",
        "-c",
        "system Cu-P; require CN(Cu-P) = 2",
        "--model",
        "no/model",
        "--out",
        tmp_path / "run",
    )
    assert code == 1
    assert err.splitlines()[-2].startswith("error[E510]: ")
    assert "Traceback" not in err
    assert not (tmp_path / "run").exists()


def test_ctrl_c_says_how_to_go_on(
    scout: Callable[..., tuple[int, str, str]],
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "scoutlang.interfaces.display.Display.sampling", Interrupt("guided", 2).sampling
    )
    code, out, err = scout("run", "-c", TEXT.format(model=model), "--out", tmp_path / "run")
    assert (code, out) == (130, "")
    assert f"finished batches are kept in {tmp_path / 'run'}" in err
    assert "--resume" in err


@pytest.mark.slow
def test_a_real_ctrl_c_between_two_processes(model: Path, tmp_path: Path) -> None:
    source, folder = tmp_path / "copper.scout", tmp_path / "run"
    source.write_text(TEXT.format(model=model).replace("count=5", "count=100000"))
    # a test run in the background ignores SIGINT, and its children inherit that
    start = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from scoutlang.interfaces.cli import main; main()"
    command = [
        sys.executable,
        "-c",
        start,
        "run",
        str(source),
        "--out",
        str(folder),
        "--arms",
        "guided",
    ]
    running_scout = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        until(
            lambda: (
                len(list(folder.glob("samples/*.json"))) >= 2 or running_scout.poll() is not None
            )
        )
        assert running_scout.poll() is None, running_scout.communicate()
        running_scout.send_signal(signal.SIGINT)
        out, err = running_scout.communicate(timeout=LONG)
    finally:
        running_scout.kill()
    assert running_scout.returncode == 130, err
    assert out == ""
    assert f"to go on: scout run --resume --out {folder}" in err
    assert "Traceback" not in err
    assert manifest(folder)["status"] == "interrupted"
    for number, content in enumerate(parts(folder).values()):
        assert [row["index"] for row in json.loads(content)] == [2 * number, 2 * number + 1]


def test_a_sweep_is_a_folder_of_runs(
    scout: Callable[..., tuple[int, str, str]], model: Path, tmp_path: Path
) -> None:
    """One run for each value, each with its own manifest; a value that is set from outside is not
    swept.
    """
    file = tmp_path / "family.scout"
    file.write_text(TEXT.format(model=model) + "\nsweep seed in {1, 2}\n", encoding="utf-8")
    options = ("--count", 1, "--arms", "guided")
    code, _, err = scout("run", file, "--out", tmp_path / "out", *options)
    assert code == 0, err
    found = {folder.name: manifest(folder) for folder in (tmp_path / "out").iterdir()}
    assert {name: m["sample"]["seed"] for name, m in found.items()} == {"seed=1": 1, "seed=2": 2}
    assert found["seed=1"]["digest"] != found["seed=2"]["digest"]

    code, _, err = scout("run", file, "--out", tmp_path / "one", "--set", "seed=1", *options)
    assert code == 0, err
    assert manifest(tmp_path / "one")["digest"] == found["seed=1"]["digest"]


def test_members_of_a_sweep_share_their_non_guided_arm(
    scout: Callable[..., tuple[int, str, str]], model: Path, tmp_path: Path
) -> None:
    file = tmp_path / "family.scout"
    file.write_text(TEXT.format(model=model) + "\nsweep k in {0.5, 2}\n", encoding="utf-8")
    code, out, err = scout("run", file, "--out", tmp_path / "out", "--count", 3)
    assert code == 0, err
    first, second = tmp_path / "out" / "k=0.5", tmp_path / "out" / "k=2"
    assert f"non-guided: 3 structures are those of {first}" in "".join(err.splitlines())
    assert parts(second)["non-guided-000002.json"] == parts(first)["non-guided-000002.json"]
    assert parts(second)["guided-000000.json"] != parts(first)["guided-000000.json"]
    assert manifest(second)["sampling"]["non-guided"] == manifest(first)["sampling"]["non-guided"]
    assert out.count("non-guided") >= 4  # two runs and the table of both
    assert "Y_SCOUT" in out.splitlines()[-10] or "|U∩S∩O∩C|" in out


def test_another_baseline_is_not_taken(whole: Path, model: Path, tmp_path: Path) -> None:
    """It would be another distribution: 8 steps are not 10. A longer arm takes the batches that it
    has in common.
    """
    notes: list[str] = []

    class Notes(running.Silent):
        def note(self, text: str) -> None:
            notes.append(text)

    running.run(
        program(model, count=1, steps=8),
        tmp_path / "other",
        arms=["non-guided"],
        baseline=whole,
        watcher=Notes(),
    )
    assert any("was sampled with other settings" in note for note in notes)
    notes.clear()
    running.run(
        program(model, count=4),
        tmp_path / "shorter",
        arms=["non-guided"],
        baseline=whole,
        watcher=Notes(),
    )
    assert f"non-guided: 4 structures are those of {whole}" in notes
    assert manifest(tmp_path / "shorter")["baseline"] == str(whole)
    refusal("E610", program(model), tmp_path / "x", baseline=tmp_path / "nowhere")
    assert not (tmp_path / "x").exists()


# -- from Python
# --------------------------------------------------------------------------------------------------------------


def test_a_run_gives_tables_and_crystals_of_other_libraries(whole: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(whole, tmp_path / "run")
    judged = scoutlang.judge(folder, progress=False)
    table = judged.to_pandas()
    written = pq.read_table(folder / "records.parquet").to_pydict()
    assert list(table.index) == written["id"]
    assert {name: [None if pd.isna(v) else v for v in table[name]] for name in table} == {
        k: v for k, v in written.items() if k != "id"
    }
    for id in table.index:
        record = judged.record(id)
        assert record.atoms.info["id"] == id
        assert np.allclose(
            record.atoms.get_scaled_positions(wrap=False), record.structure.frac_coords
        )
        assert record.atoms.get_chemical_symbols() == [
            site.species_string for site in record.structure
        ]
    with pytest.raises(KeyError):
        judged.record("nobody")
    assert "raw set |R|" in repr(judged)
    assert "funnel" in scoutlang.figures(judged)
    assert scoutlang.write_report(judged, tmp_path / "page.html").stat().st_size > 10_000


def test_a_sweep_from_python_is_a_folder_of_runs_with_one_unguided_arm(
    model: Path, tmp_path: Path
) -> None:
    text = TEXT.format(model=model) + "sweep k in {0.2, 0.8}\n"
    runs = scoutlang.sweep(scoutlang.parse(text).set(count=2), tmp_path / "k", progress=False)
    assert [run.folder.name for run in runs] == ["k=0.2", "k=0.8"]
    assert manifest(runs[1].folder)["baseline"] == str(runs[0].folder)
    table = scoutlang.table(runs)
    assert len(table) == 4
    assert table["R"].tolist() == [2, 2, 2, 2]
    with pytest.raises(ScoutError, match="E605"):
        scoutlang.run(text, tmp_path / "one")


def test_a_run_goes_on_from_its_folder_alone(
    scout: Callable[..., tuple[int, str, str]],
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text, folder = TEXT.format(model=model), tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(
            "scoutlang.interfaces.display.Display.sampling", Interrupt("guided", 2).sampling
        )
        code, _, err = scout("run", "-c", text, "--out", folder, "--set", "steps=9")
    assert code == 130, err
    before = parts(folder)
    code, _, err = scout("run", "-c", text, "--out", folder, "--resume")
    assert code == 1
    assert "other settings: steps 9 there, 10 here" in err
    code, _, err = scout("run", "--out", folder, "--resume", "--steps", 10)
    assert code == 2
    assert "its own program and settings" in err
    code, out, err = scout("run", "--out", folder, "--resume")
    assert code == 0, err
    assert "raw set |R|" in out
    found = manifest(folder)
    assert found["status"] == "finished"
    assert found["sample"]["steps"] == 9
    assert found["judges"] == {"potential": "chgnet", "reference": "mp-mini"}
    assert {name: parts(folder)[name] for name in before} == before
    assert len(parts(folder)) > len(before)


def test_options_of_python_that_are_none_say_what_is_meant(model: Path, tmp_path: Path) -> None:
    for wrong, meant in (
        ({"steps": 3}, "no option is called steps"),
        ({"model": "mini"}, r"set\(model="),
    ):
        with pytest.raises(TypeError, match=meant):
            scoutlang.run(program(model), tmp_path / "run", **wrong)
    assert not (tmp_path / "run").exists()


def test_ctrl_c_in_python_is_a_sentence(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "scoutlang.interfaces.display.Display.sampling", Interrupt("guided", 2).sampling
    )
    with pytest.raises(KeyboardInterrupt) as caught:
        scoutlang.run(program(model), tmp_path / "run")
    assert (
        str(caught.value)
        == f"interrupted; finished batches are kept in {tmp_path / 'run'}, and resume=True goes on"
    )
