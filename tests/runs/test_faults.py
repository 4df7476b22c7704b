"""Kills, two drivers, workers that die, a disk that is full: what they leave, with real processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import processes
import pytest
import torch
from pymatgen.core import Structure

import scoutlang
from scoutlang.interfaces import cli
from scoutlang.ir import Relax
from scoutlang.runs import run as running
from scoutlang.runs.folder import RunFolder, held, holder
from scoutlang.runs.judge import judge
from scoutlang.runs.relax import relax
from scoutlang.runs.status import status_of
from scoutlang.support.engines import Tell, Unit, WorkerLost
from scoutlang.support.engines.processes import Processes
from scoutlang.support.errors import ScoutError
from scoutlang.validation import pipeline

ROOT = Path(scoutlang.__file__).parents[1]
TEXT = """system Cu
atoms in [2, 4]
require CN(Cu-Cu) = 4
sample count=6 batch=2 steps=4 seed=3
relax which=all by=both steps=2
"""
MANY = ("--count", "100000", "--steps", "60", "--workers")
OPTIONS = ("--potential", "emt", "--device", "cpu")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "copper.scout"
    file.write_text(TEXT)
    return file


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the benchmark forks")
def test_a_run_that_was_killed_anywhere_ends_like_one_that_was_not() -> None:
    """Some of the moments of `python -m benchmarks.faults`."""
    done = processes.run(
        [sys.executable, "-m", "benchmarks.faults", "--no-write", "--every", "31", "--kills", "2"],
        cwd=ROOT,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in done.stdout.splitlines()
        if re.match(r"\| (driver|worker|both)", line)
    ]
    assert len(rows) == 4
    assert int(rows[0][2]) >= 5
    for who, when, kills, equal in rows:
        assert equal == kills, f"{who}, {when}: {equal}"


@pytest.mark.slow
def test_workers_make_the_same_folder(source: Path, tmp_path: Path) -> None:
    found = scoutlang.check(source).program
    folders = [tmp_path / name for name in ("one", "two")]
    for folder, workers in zip(folders, (1, 2), strict=True):
        running.run(found, folder, device="cpu", potential="emt", workers=workers)
    one, two = (
        {
            file.relative_to(folder).as_posix(): file.read_bytes()
            for file in folder.rglob("*")
            if file.is_file() and file.name != "run.json"
        }
        for folder in folders
    )
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_what_was_killed_before_its_first_manifest_is_begun_anew(
    source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / ".lock").touch()
    (folder / f".run.json.{_dead()}.partial").write_text('{"half": ')
    (folder / f"..holder.json.{_dead()}.partial").write_text('{"half": ')
    (folder / ".holder.json").write_text("{")
    found = scoutlang.check(source).program
    running.run(found, folder, resume=True, device="cpu", potential="emt", workers=1)
    assert RunFolder.open(folder).finished
    assert not list(folder.rglob("*.partial"))


def test_a_second_driver_is_told_who_works_on_the_run(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    driver = subprocess.Popen(
        [sys.executable, "-m", "scoutlang", "run", source, "--out", folder, *OPTIONS, *MANY, "1"],
        env=processes.environment(),
        stderr=subprocess.PIPE,
    )
    try:
        processes.until(lambda: len(list(folder.glob("samples/*.json"))) >= 2)
        before = (folder / "run.json").read_bytes()
        done = processes.scout("run", "--resume", "--out", str(folder), *OPTIONS[:2], text=True)
        assert done.returncode == 1
        who = rf"error\[E614\]: process {driver.pid} on \S+ \(since 20\S+\) is working on "
        assert re.search(who, done.stderr), done.stderr
        assert json.loads(before)["status"] == "running"
        one = status_of(RunFolder.open(folder))
        assert (one.status, one.held_by.split()[1]) == ("running", str(driver.pid))
    finally:
        driver.kill()
        driver.communicate()
    assert holder(folder) == ""
    one = status_of(RunFolder.open(folder))
    assert (one.status, one.held_by) == ("stopped", "")
    name, done, total = one.parts[0].name, one.parts[0].done, one.parts[0].total
    assert (name, total) == ("sample non-guided", 100_000)
    assert done >= 2
    with held(folder):
        pass


def test_a_folder_is_held_several_times_by_one_and_once_by_two(tmp_path: Path) -> None:
    with held(tmp_path), held(tmp_path):
        assert holder(tmp_path).startswith(f"process {os.getpid()} on ")
    assert holder(tmp_path) == ""
    assert not (tmp_path / ".holder.json").exists()


DEADLY = """
# imported by every Python that is started here: EMT kills its process at one cell
import os, signal
import ase.calculators.emt as emt
calculate = emt.EMT.calculate
def deadly(self, atoms=None, *rest, **named):
    if atoms is not None and {volume} < atoms.get_volume() / len(atoms) < {volume} + 0.01:
        os.kill(os.getpid(), signal.SIGKILL)
    return calculate(self, atoms, *rest, **named)
emt.EMT.calculate = deadly
"""


@pytest.mark.slow
def test_a_structure_that_kills_its_worker_is_found_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A structure at which the potential dies, as it does where memory runs out: the others are
    relaxed as if it were not there.
    """
    cells = [
        Structure.from_spacegroup("Fm-3m", [[a, 0, 0], [0, a, 0], [0, 0, a]], ["Cu"], [[0, 0, 0]])
        for a in (3.5 + 0.01 * k for k in range(20))
    ]
    folder = tmp_path / "given"
    folder.mkdir()
    for k, cell in enumerate(cells):
        cell.to(folder / f"{k:02d}.cif", fmt="cif")
    (tmp_path / "sitecustomize.py").write_text(DEADLY.format(volume=cells[7].volume / 4 - 0.005))
    program = tmp_path / "copper.scout"
    program.write_text("system Cu\nrequire CN(Cu-Cu) = 12\n")
    quiet = ("validate", str(folder), "--program", str(program), "--potential", "emt")
    plain, deadly = tmp_path / "plain", tmp_path / "deadly"
    for out in (plain, deadly):
        assert processes.scout(*quiet, "--out", str(out)).returncode == 0
    lines = {}
    notes: list[str] = []
    for out in (plain, deadly):
        if out is deadly:
            monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        engine = Processes(2)
        relax(
            judge(out, potential="emt"),
            Relax(which="all", by="energy", steps=3),
            engine=engine,
            note=notes.append,
        )
        engine.close()
        lines[out] = [
            json.loads(line)
            for file in sorted((out / "relaxed" / "energy").glob("*.jsonl"))
            for line in file.read_text().splitlines()
        ]
    assert len(lines[plain]) == len(lines[deadly]) == 20
    differ = [k for k in range(20) if lines[plain][k] != lines[deadly][k]]
    assert differ == [7]
    assert lines[deadly][7]["reason"].startswith("the process was ended by SIGKILL")
    assert lines[deadly][7]["structure"] is None
    assert [note for note in notes if "SIGKILL" in note]
    # and it is not tried again
    judged = relax(
        judge(deadly, potential="emt"), Relax(which="all", by="energy", steps=3), workers=1
    )
    [one] = judged.relaxations
    assert one.structures["guided"][7].reason == lines[deadly][7]["reason"]


@pytest.mark.slow
def test_a_batch_that_always_kills_its_worker_ends_the_run_with_advice(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        textwrap.dedent("""
        import os, signal, sys
        class Finder:
            def find_spec(self, name, path=None, target=None):
                if name == "scoutlang.sampling.generate":
                    os.kill(os.getpid(), signal.SIGKILL)
        if any("engines.worker" in word for word in sys.orig_argv):
            sys.meta_path.insert(0, Finder())
        """)
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = scoutlang.check(source).program
    with pytest.raises(ScoutError, match="ends worker after worker") as caught:
        running.run(found, tmp_path / "run", device="cpu", potential="emt", workers=2)
    assert caught.value.code == "E615"
    assert "--batch" in caught.value.hint
    assert not (tmp_path / "run").exists()  # nothing was finished


@pytest.mark.slow
def test_ctrl_c_drains_the_workers(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    start = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from scoutlang.interfaces.cli import main; main()"
    driver = subprocess.Popen(
        [sys.executable, "-c", start, "run", source, "--out", folder, *OPTIONS, *MANY, "2"],
        env=processes.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    processes.until(lambda: len(list(folder.glob("samples/*.json"))) >= 3)
    driver.send_signal(signal.SIGINT)
    _, said = driver.communicate(timeout=processes.LONG)
    assert driver.returncode == 130
    assert "Ctrl-C: finishing what was begun; press it again" in said, said
    assert "Traceback" not in said
    manifest = json.loads((folder / "run.json").read_text())
    assert manifest["status"] == "interrupted"
    # everything that was begun is there, and its cost is known
    parts = {file.stem for file in folder.glob("samples/*.json")}
    assert parts == set(manifest["batches"])
    assert not list(folder.rglob("*.partial"))


# ---- several programs, and where they are ----


def scout(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, str, int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["scout", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    out, err = capsys.readouterr()
    return out, err, int(str(ended.value.code))


def test_a_campaign_shares_what_it_can_and_ends_with_one_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, number, system in (("one", 4, "Cu"), ("two", 6, "Cu"), ("three", 4, "Ni")):
        text = TEXT.replace("= 4", f"= {number}").replace("Cu", system)
        (tmp_path / f"{name}.scout").write_text(text.replace("which=all", "off # which=all"))
    (tmp_path / "unknown.scout").write_text(
        "system Cu\natoms in [200, 220]\nrequire CN(Cu-Cu) = 4\n"
    )
    files = [str(tmp_path / f"{name}.scout") for name in ("one", "two", "unknown", "three")]
    out, err, code = scout(
        "run", *files, "--out", str(tmp_path / "all"), *OPTIONS, "--workers", "1", capsys=capsys
    )
    assert code == 1  # one of them cannot be run, and the others are
    assert (
        "error[E521]: unknown: atoms in [200, 220] is outside what the model 'mini' can make" in err
    )
    assert "3 of 4: unknown, in " in err
    assert [
        line.split()[0] for line in out.splitlines() if line.startswith(("one", "two", "three"))
    ]
    manifests = {
        name: json.loads((tmp_path / "all" / name / "run.json").read_text())
        for name in ("one", "two", "three")
    }
    assert {name: one["status"] for name, one in manifests.items()} == dict.fromkeys(
        manifests, "finished"
    )
    assert manifests["one"]["baseline"] is None
    assert manifests["two"]["baseline"] == str(tmp_path / "all" / "one")
    assert manifests["three"]["baseline"] is None  # another system
    assert not (tmp_path / "all" / "unknown").exists()

    out, _, code = scout("status", str(tmp_path / "all"), capsys=capsys)
    assert code == 0
    assert f"{tmp_path / 'all' / 'one'}: finished\n  sample non-guided: 6/6" in out
    assert out.endswith("3 of 3 runs are finished\n")
    out, _, _ = scout("status", str(tmp_path / "all"), "--format", "json", capsys=capsys)
    assert [one["judged"] for one in json.loads(out)["runs"]] == [True] * 3


def test_programs_of_one_name_get_folders_of_their_own() -> None:
    from scoutlang.runs.sweep import names_of

    assert names_of(["a/x.scout", "b/x.scout", "x-2.scout", "<text>", "c d.scout"]) == [
        "x",
        "x-3",
        "x-2",
        "text",
        "c_d",
    ]


def _dead() -> int:
    """The number of a process that has ended."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


# ---- an array of jobs ----


@pytest.mark.slow
def test_shares_of_an_array_of_jobs_become_the_run_of_one_process(
    source: Path, tmp_path: Path
) -> None:
    found = scoutlang.check(source).program
    whole, folder = tmp_path / "whole", tmp_path / "run"
    running.run(found, whole, device="cpu", potential="emt", workers=1)
    begun = processes.scout(
        "run", str(source), "--out", str(folder), *OPTIONS, "--only-begin", text=True
    )
    assert begun.returncode == 0, begun.stderr
    assert f"scout sample {folder} --share I/N" in begun.stdout
    shares = [
        subprocess.Popen(
            [sys.executable, "-m", "scoutlang", "sample", folder, "--share", f"{k}/2"],
            env=processes.environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        for k in (1, 2)
    ]
    said = [share.communicate(timeout=processes.LONG)[0] for share in shares]
    assert said == [f"share {k} of 2: 3 batches made, the others were there\n" for k in (1, 2)]
    again = processes.scout("sample", str(folder), "--share", "2/2", text=True)
    assert again.stdout == "share 2 of 2: 0 batches made, the others were there\n"
    one = status_of(RunFolder.open(folder))
    assert [(part.done, part.total) for part in one.parts] == [(6, 6), (6, 6)]
    running.run(found, folder, resume=True, workers=1)
    for file in (file for file in whole.rglob("*") if file.is_file() and file.name != "run.json"):
        assert (folder / file.relative_to(whole)).read_bytes() == file.read_bytes()
    # what they cost is known
    costs = RunFolder.open(folder).manifest.costs
    assert {arm: cost.structures for arm, cost in costs.items()} == {"guided": 6, "non-guided": 6}
    assert not list(folder.rglob("*.cost"))


@pytest.mark.parametrize("share", ["0/3", "4/3", "3", "1/0", "a/b", "-1/3", "1/3/4"])
def test_what_is_no_share_is_refused(
    share: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, err, code = scout("sample", str(tmp_path), f"--share={share}", capsys=capsys)
    assert code == 2
    assert "is not I/N, for example 3/100" in err


def test_a_run_is_begun_for_a_device_that_is_not_here(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a login node, for nodes with GPUs; and a run goes on with what it was begun with."""
    folder, begin = tmp_path / "run", ("run", str(source), "--potential", "emt")
    options = ("--device", "cuda", "--only-begin", "--trace", "--format", "json")
    out, _, code = scout(*begin, "--out", str(folder), *options, capsys=capsys)
    assert code == 0
    assert json.loads(out) == {"runs": [{"folder": str(folder), "batches": 6}]}
    manifest = RunFolder.open(folder).manifest
    assert (manifest.device, manifest.trace_every) == ("cuda", 1)
    if not torch.cuda.is_available():
        for command in (["run", "--resume", "--out", str(folder)], ["sample", str(folder)]):
            _, err, code = scout(*command, capsys=capsys)
            assert code == 1
            assert "error[E516]: torch cannot compute on 'cuda' here" in err
    _, _, code = scout("run", "--resume", "--out", str(folder), "--device", "cpu", capsys=capsys)
    assert code == 0
    assert RunFolder.open(folder).manifest.trace_every == 1
    assert len(list((folder / "trace.parquet").iterdir())) == 3
    for other in (("--resume",), ("--workers", "2"), ("--baseline", str(folder))):
        _, err, code = scout(*begin, "--only-begin", *other, capsys=capsys)
        assert code == 2
        assert f"leave out {other[0]}" in err


def test_relaxations_of_the_version_before_are_read(source: Path, tmp_path: Path) -> None:
    """It wrote the structures of an arm into one file."""
    found = scoutlang.check(source).program
    folder = tmp_path / "run"
    before = running.run(found, folder, device="cpu", potential="emt", workers=1)
    for way in ("energy", "constraint"):
        for arm in ("guided", "non-guided"):
            files = sorted((folder / "relaxed" / way).glob(f"relaxed_structures-{arm}-*.jsonl"))
            text = "".join(file.read_text() for file in files)
            for file in files:
                file.unlink()
            (folder / "relaxed" / way / f"relaxed_structures-{arm}.jsonl").write_text(text)
    after = relax(judge(folder, potential="emt"), workers=1)
    assert [one.structures for one in after.relaxations] == [
        one.structures for one in before.relaxations
    ]
    assert not list(folder.rglob("relaxed_structures-*-0*.jsonl"))  # nothing was done again


def test_two_threads_are_two(tmp_path: Path) -> None:
    codes: list[str] = []

    def other() -> None:
        try:
            with held(tmp_path):
                codes.append("held")
        except ScoutError as error:
            codes.append(error.code)

    with held(tmp_path):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert codes == ["E614"]


class Lost:
    """An engine whose workers are always lost."""

    workers, here, device = 2, False, None

    def pays(self, seconds: float) -> bool:
        return True

    def submit(self, unit: Unit, tell: Tell) -> Future[list[Any]]:
        future: Future[list[Any]] = Future()
        future.set_exception(WorkerLost("killed"))
        return future

    def stop(self) -> None: ...

    def close(self) -> None: ...


def test_where_every_worker_is_lost_no_answer_is_made_up(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = scoutlang.check(source).program
    folder = tmp_path / "run"
    running.run(found, folder, device="cpu", potential="emt", workers=1)
    shutil.rmtree(folder / "stages")
    monkeypatch.setattr(pipeline, "WORTH", 0.0)
    with pytest.raises(ScoutError, match="one worker after the other is lost") as caught:
        judge(folder, potential="emt", engine=Lost())
    assert caught.value.code == "E615"
