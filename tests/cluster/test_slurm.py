"""Blocks on a real SLURM: `make cluster-test` starts one on this machine.

Nothing is simulated: jobs are cancelled with scancel, and walltimes end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import engine_work
import processes
import pytest

from scoutlang.support.engines import Engine, Unit, carried_out, cluster
from scoutlang.support.engines.cluster import Cluster
from scoutlang.support.engines.site import Site
from scoutlang.support.errors import ScoutError

pytest.importorskip("parsl")

FOLDERS = os.pathsep.join([str(Path(engine_work.__file__).parent), str(Path(__file__).parent)])


def answers() -> bool:
    if not shutil.which("sinfo"):
        return False
    return subprocess.run(["sinfo", "-h"], capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not answers(), reason="no SLURM answers here: make cluster-test"),
]


@pytest.fixture(autouse=True)
def _sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", FOLDERS)
    monkeypatch.setattr(cluster, "_BEAT", 1)
    monkeypatch.setattr(cluster, "_SILENCE", 10)
    monkeypatch.setattr(cluster, "_ASK", 2)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Makes engines whose blocks have one worker if nothing else is said; afterwards none of their
    jobs is left.
    """
    engines: list[Cluster] = []

    def make(**keys: Any) -> Cluster:
        engines.append(Cluster(Site(provider="slurm", folder=tmp_path / "parsl", **keys)))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()
    processes.until(lambda: jobs() == [])


def jobs(*states: str) -> list[str]:
    """Our jobs, in those states if any are given."""
    asked = ["squeue", "--me", "-h", "-o", "%A", *(["-t", ",".join(states)] if states else [])]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()


def results(engine: Engine, asked: Sequence[Unit], **how: Any) -> dict[str, list[Any]]:
    return {unit.name: found for unit, found in carried_out(asked, engine, **how)}


# ------------------------------------------------------------------ work


def hanging_once(folder: str, items: Sequence[int], tell: Callable[[Any], None]) -> list[int]:
    """Sleeps for ever, the first time."""
    mark = Path(folder) / f"{items[0]}.begun"
    if not mark.exists():
        mark.touch()
        time.sleep(3600)
    return [item * item for item in items]


def job_of(items: Sequence[int], tell: Callable[[Any], None]) -> list[tuple[str, str]]:
    """The job, and the GPU of the worker."""
    time.sleep(0.5)
    gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return [(os.environ["SLURM_JOB_ID"], gpu) for _ in items]


def napping(items: Sequence[int], tell: Callable[[Any], None]) -> list[str]:
    time.sleep(4)
    return [os.environ["SLURM_JOB_ID"] for _ in items]


# ------------------------------------------------------------------ tests


def test_units_are_done_in_jobs_and_an_item_that_kills_costs_itself(
    made: Callable[..., Cluster],
) -> None:
    engine = made(blocks=2)
    asked = [Unit(str(k), job_of, (), [k]) for k in range(8)]
    found = results(engine, asked)
    assert len({job for [(job, _)] in found.values()}) == 2
    lost: list[str] = []
    deadly = [Unit("deadly", engine_work.deadly, (frozenset({3}),), [1, 2, 3, 4])]
    [one, two, died, four] = results(engine, deadly, lost=lambda _, why: lost.append(why))["deadly"]
    assert (one, two, four) == (1, 4, 16)
    assert "the process was ended by SIGKILL, as it is where memory runs out" in str(died)
    assert len(lost) == 2


def test_what_was_in_a_job_that_is_cancelled_is_done_again(
    made: Callable[..., Cluster], tmp_path: Path
) -> None:
    asked = [Unit(str(k), hanging_once, (str(tmp_path),), [k, 10 * k]) for k in (1, 2)]
    asked += [Unit(str(k), engine_work.squares, (), [k]) for k in (3, 4, 5)]
    found: dict[str, list[Any]] = {}
    lost: list[str] = []

    def cancel() -> None:
        processes.until(lambda: len(list(tmp_path.glob("*.begun"))) == 2)
        subprocess.run(["scancel", *jobs("RUNNING")], check=True)

    other = threading.Thread(target=cancel)
    other.start()
    for unit, some in carried_out(asked, made(blocks=2), lost=lambda _, why: lost.append(why)):
        found[unit.name] = some
    other.join()
    assert found == {"1": [1, 100], "2": [4, 400], "3": [9], "4": [16], "5": [25]}
    assert lost == []  # it says nothing of the units


def test_what_is_cut_off_by_the_walltime_is_done_again(
    made: Callable[..., Cluster], tmp_path: Path
) -> None:
    engine = made(walltime="00:01:00")
    found = results(engine, [Unit("cut", hanging_once, (str(tmp_path),), [3, 4])])
    assert found == {"cut": [9, 16]}


def test_no_unit_is_cut_off_where_they_are_short_enough(made: Callable[..., Cluster]) -> None:
    engine = made(walltime="00:01:00", patience=25)  # so a block takes units for 35 s
    lost: list[str] = []
    begun: list[str] = []

    def asked() -> Iterator[Unit]:
        for k in range(12):  # of 4 s each
            begun.append(str(k))
            yield Unit(str(k), napping, (), [k])

    found = results(engine, asked(), lost=lambda _, why: lost.append(why))  # type: ignore[arg-type]
    assert sorted(found) == sorted(begun)
    assert lost == []
    assert len({job for [job] in found.values()}) == 2


def test_blocks_that_nobody_needs_are_given_back(
    made: Callable[..., Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_IDLE", 2.0)
    engine = made(blocks=2)
    assert len(results(engine, [Unit(str(k), job_of, (), [k]) for k in range(6)])) == 6
    processes.until(lambda: jobs() == [])
    assert results(engine, [Unit("later", engine_work.squares, (), [3])]) == {"later": [9]}


def test_each_worker_has_a_gpu_of_its_job_and_no_other(made: Callable[..., Cluster]) -> None:
    engine = made(blocks=2, gpus_per_node=1)
    found = results(engine, [Unit(str(k), job_of, (), [k]) for k in range(8)])
    # SLURM gave one to each job; that both are number 0 is what Parsl would make of it
    assert {gpu for [(_, gpu)] in found.values()} == {"0", "1"}
    engine.close()
    both = made(gpus_per_node=2)
    found = results(both, [Unit(str(k), job_of, (), [k]) for k in range(8)])
    assert {gpu for [(_, gpu)] in found.values()} == {"0", "1"}


def test_what_slurm_refuses_is_said(made: Callable[..., Cluster]) -> None:
    with pytest.raises(ScoutError) as error:
        results(made(partition="nope"), [Unit("a", engine_work.squares, (), [1])])
    assert error.value.code == "E616"
    assert "3 blocks in a row ended before a worker of theirs was there" in error.value.message
    assert "invalid partition" in error.value.message.lower()


PROGRAM = """system Cu
atoms in [2, 4]
require CN(Cu-Cu) = {number}
sample count=8 batch=2 steps=4 seed=3
relax which=all by=both steps=2
"""
OPTIONS = ("--potential", "emt", "--device", "cpu")


def test_a_campaign_whose_job_is_cancelled_makes_what_one_process_makes(tmp_path: Path) -> None:
    for name, number in (("four", 4), ("six", 6)):
        (tmp_path / f"{name}.scout").write_text(PROGRAM.format(number=number))
    files = [str(tmp_path / f"{name}.scout") for name in ("four", "six")]
    site = tmp_path / "cluster.toml"
    site.write_text('provider = "slurm"\nworkers_per_node = 2\nfolder = "parsl"\n')
    one, many = tmp_path / "one", tmp_path / "many"
    done = processes.scout("run", *files, "--out", str(one), *OPTIONS, "--workers", "1", text=True)
    assert done.returncode == 0, done.stderr
    driver = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "scoutlang",
            "run",
            *files,
            "--out",
            many,
            *OPTIONS,
            "--site",
            str(site),
        ],
        env=processes.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        processes.until(
            lambda: (
                driver.poll() is not None
                or (bool(jobs("R")) and len(list(many.glob("four/samples/*.json"))) >= 1)
            )
        )
        running = jobs("R")
        subprocess.run(["scancel", *running], check=True)
        _, said = driver.communicate(timeout=processes.LONG)
    finally:
        driver.kill()
    assert driver.returncode == 0, said
    assert running
    for file in (file for file in one.rglob("*") if file.is_file() and file.name != "run.json"):
        assert (many / file.relative_to(one)).read_bytes() == file.read_bytes(), file
    processes.until(lambda: jobs() == [])
