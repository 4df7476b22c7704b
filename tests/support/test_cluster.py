"""Workers by Parsl on this machine: results, deaths, hangs, and what is left behind.

On SLURM: tests/cluster/test_slurm.py.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import engine_work
import processes
import psutil
import pytest

from scoutlang.support.engines import Died, Engine, Here, Unit, carried_out, cluster
from scoutlang.support.engines.cluster import Cluster
from scoutlang.support.engines.site import Site
from scoutlang.support.errors import ScoutError

pytest.importorskip("parsl")

FOLDERS = os.pathsep.join([str(Path(engine_work.__file__).parent), str(Path(__file__).parent)])


@pytest.fixture(autouse=True)
def mark(monkeypatch: pytest.MonkeyPatch) -> str:
    """What is in the environment of all that a test starts."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv("SCOUT_TEST_MARK", mark)
    monkeypatch.setenv("PYTHONPATH", FOLDERS)
    monkeypatch.setattr(cluster, "_TICK", 0.2)
    monkeypatch.setattr(cluster, "_BEAT", 1)
    monkeypatch.setattr(cluster, "_SILENCE", 10)
    return mark


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Makes engines on this machine, with two workers if nothing else is said."""
    engines: list[Cluster] = []

    def make(**keys: Any) -> Cluster:
        how = {"workers_per_node": 2, "folder": tmp_path / "parsl"} | keys
        engines.append(Cluster(Site(provider="local", **how)))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def units(work: Any, *given: Any, items: Sequence[Sequence[Any]]) -> list[Unit]:
    return [Unit(f"unit-{k}", work, given, some) for k, some in enumerate(items)]


def results(engine: Engine, asked: Sequence[Unit], **how: Any) -> dict[str, list[Any]]:
    return {unit.name: found for unit, found in carried_out(asked, engine, **how)}


def living(mark: str) -> list[str]:
    """The processes, not this one, that have the mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            marked = f"SCOUT_TEST_MARK={mark}".encode() in (folder / "environ").read_bytes()
            dead = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            if marked and not dead and int(folder.name) != os.getpid():
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


# ------------------------------------------------------------------ work


def gpus(items: Sequence[int], tell: Callable[[Any], None]) -> list[str]:
    return [os.environ["CUDA_VISIBLE_DEVICES"] for _ in items]


def family(items: Sequence[int], tell: Callable[[Any], None]) -> list[list[int]]:
    """The process that works, the worker of Parsl that has started it, and the block of both."""
    own = psutil.Process()
    return [[own.pid, *[above.pid for above in own.parents()[:2]]] for _ in items]


def hanging_once(folder: str, items: Sequence[int], tell: Callable[[Any], None]) -> list[int]:
    """Leaves the number of its process and sleeps for ever, the first time."""
    mark = Path(folder) / f"{items[0]}.begun"
    if not mark.exists():
        mark.touch()
        engine_work.announced(folder, items, tell)
    return [item * item for item in items]


# ------------------------------------------------------------------ tests


@pytest.mark.slow
def test_results_are_those_of_this_process_and_nothing_is_left(
    made: Callable[..., Cluster], mark: str, tmp_path: Path
) -> None:
    asked = units(engine_work.squares, items=[[1, 2], [3], [], [4, 5, 6]])
    engine = made()
    told: list[Any] = []
    assert results(engine, asked, told=lambda _, what: told.append(what)) == results(Here(), asked)
    assert told == []  # words do not travel
    found = results(engine, units(engine_work.where, items=[[k] for k in range(8)]))
    seen = {one for some in found.values() for one in some}
    assert {rest for _, *rest in map(list, seen) for rest in rest} == {"False", "1"}
    assert living(mark)
    engine.close()
    assert living(mark) == []
    assert list((tmp_path / "parsl").iterdir()) == []


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_only_the_item_that_kills(
    made: Callable[..., Cluster],
) -> None:
    asked = units(engine_work.deadly, frozenset({3}), items=[[1, 2, 3], [5], [6, 7]])
    lost: list[str] = []
    found = results(made(), asked, lost=lambda unit, why: lost.append(f"{unit.name}: {why}"))
    [died] = [one for one in found["unit-0"] if isinstance(one, Died)]
    assert "the process was ended by SIGKILL, as it is where memory runs out" in str(died)
    assert found == {"unit-0": [1, 4, died], "unit-1": [25], "unit-2": [36, 49]}
    assert len(lost) == 2
    assert all(line.startswith("unit-0: ") for line in lost)


@pytest.mark.slow
def test_what_the_work_raises_is_raised(made: Callable[..., Cluster]) -> None:
    engine = made()
    with pytest.raises(ValueError, match="no 1") as error:
        results(engine, units(engine_work.failing, items=[[1]]))
    assert "in a worker: Traceback" in error.value.__notes__[0]
    with pytest.raises(RuntimeError, match="Strange: a b"):
        results(engine, units(engine_work.failing_strangely, items=[[1]]))


@pytest.mark.slow
def test_a_unit_without_an_answer_is_given_up(made: Callable[..., Cluster], tmp_path: Path) -> None:
    engine = made(patience=2)
    asked = [
        *units(engine_work.sleeping, 3600.0, items=[[1]]),
        Unit("quick", engine_work.squares, (), [2]),
    ]
    found = results(engine, asked)
    assert found["quick"] == [4]
    host = socket.gethostname()
    assert found["unit-0"] == [Died(f"on {host} the process said nothing for 2 s and was ended")]
    [said] = (tmp_path / "parsl").rglob("*.sh.err")
    assert "in sleeping" in said.read_text()  # where it was


@pytest.mark.slow
def test_from_an_environment_that_is_not_activated(tmp_path: Path, mark: str) -> None:
    script = tmp_path / "driver.py"  # without `if __name__ == "__main__"`
    script.write_text(
        textwrap.dedent(f"""
        import engine_work
        from scoutlang.support.engines import Unit, carried_out
        from scoutlang.support.engines.cluster import Cluster
        from scoutlang.support.engines.site import Site

        engine = Cluster(Site(provider="local", folder={str(tmp_path / "parsl")!r}))
        for unit, found in carried_out([Unit("a", engine_work.squares, (), [3])], engine):
            print(found)
        engine.close()
        """)
    )
    assert not shutil.which("process_worker_pool.py", path="/usr/bin:/bin")
    done = processes.run([sys.executable, script], env={"PATH": "/usr/bin:/bin"}, cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == (b"[9]\n", b"", 0)
    assert living(mark) == []


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_all_ends_with_a_driver_that_was_killed(
    tmp_path: Path, mark: str, how: signal.Signals
) -> None:
    script = tmp_path / "driver.py"
    script.write_text(
        textwrap.dedent(f"""
        import engine_work
        from scoutlang.support.engines import Unit, carried_out, cluster
        from scoutlang.support.engines.site import Site

        cluster._BEAT, cluster._SILENCE = 1, 3
        site = Site(provider="local", workers_per_node=2, folder={str(tmp_path / "parsl")!r})
        asked = [Unit(str(k), engine_work.announced, ({str(tmp_path)!r},), [k]) for k in range(2)]
        list(carried_out(asked, cluster.Cluster(site)))
        """)
    )
    driver = subprocess.Popen([sys.executable, script], env=processes.environment())
    processes.until(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
    driver.send_signal(how)
    driver.wait(processes.LONG)
    processes.until(lambda: living(mark) == [])


@pytest.mark.slow
def test_an_abandoned_iteration_ends_its_workers_and_the_engine_goes_on(
    made: Callable[..., Cluster], tmp_path: Path, mark: str
) -> None:
    engine = made()
    quick = units(engine_work.squares, items=[[1]])
    slow = [Unit(f"slow-{k}", engine_work.announced, (str(tmp_path),), [1]) for k in range(2)]
    found = carried_out([*quick, *slow], engine)
    assert next(found)[1] == [1]
    processes.until(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
    found.close()
    assert living(mark) == []
    assert results(engine, quick) == {"unit-0": [1]}


@pytest.mark.slow
@pytest.mark.parametrize("whose", ["block", "hands out"])
def test_what_is_lost_with_a_block_or_with_the_handing_out_is_done_again(
    made: Callable[..., Cluster], tmp_path: Path, mark: str, whose: str
) -> None:
    engine = made(blocks=1)
    lost: list[str] = []
    found: dict[str, list[Any]] = {}
    asked = units(hanging_once, str(tmp_path), items=[[1, 2], [3, 4]])
    for unit, some in carried_out(
        [Unit("first", family, (), [0]), *asked], engine, lost=lambda _, why: lost.append(why)
    ):
        found[unit.name] = some
        if unit.name == "first":
            processes.until(lambda: len(list(tmp_path.glob("*.begun"))) == 2)
            if whose == "block":
                os.kill(some[0][2], signal.SIGKILL)
            else:
                assert engine._pilot
                engine._pilot._executor.interchange_proc.kill()
    assert (found["unit-0"], found["unit-1"]) == ([1, 4], [9, 16])
    assert lost == []  # a block that goes is not the fault of what it worked on
    engine.close()
    assert living(mark) == []


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, 1])
def test_a_process_that_was_killed_while_it_waited_holds_up_nobody(
    made: Callable[..., Cluster], monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    monkeypatch.setattr(cluster, "_BEGIN", 5)
    engine = made()
    for _ in range(3):  # it may die with the key to the others, or without
        found = results(engine, units(family, items=[[k] for k in range(8)]))
        os.kill(found["unit-0"][0][which], signal.SIGKILL)
    assert results(engine, units(engine_work.squares, items=[[1], [2]])) == {
        "unit-0": [1],
        "unit-1": [4],
    }


@pytest.mark.slow
def test_blocks_that_do_not_come_up_are_an_error_that_says_why(
    made: Callable[..., Cluster], tmp_path: Path, mark: str
) -> None:
    engine = made(setup=("echo no such module >&2", "exit 3"))
    with pytest.raises(ScoutError) as error:
        results(engine, units(engine_work.squares, items=[[1]]))
    assert error.value.code == "E616"
    assert (
        error.value.message
        == "3 blocks in a row ended before a worker of theirs was there: no such module"
    )
    assert error.value.hint.startswith(f"what the blocks wrote is in {tmp_path / 'parsl'}")
    engine.close()
    assert living(mark) == []


@pytest.mark.slow
def test_each_worker_takes_one_of_the_gpus_that_it_was_given(made: Callable[..., Cluster]) -> None:
    engine = made(
        workers_per_node=None, gpus_per_node=2, setup=("export CUDA_VISIBLE_DEVICES=5,7",)
    )
    assert engine.workers == 2
    asked = [*units(gpus, items=[[k] for k in range(20)])]
    assert {one for some in results(engine, asked).values() for one in some} <= {"5", "7"}
    engine.close()
    plain = made(workers_per_node=None, gpus_per_node=2, setup=("unset CUDA_VISIBLE_DEVICES",))
    assert {one for some in results(plain, asked).values() for one in some} <= {"0", "1"}


def test_where_it_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def error(**keys: Any) -> ScoutError:
        with pytest.raises(ScoutError) as raised:
            Cluster(Site(**keys)).submit(Unit("a", engine_work.squares, (), [1]), print).result()
        assert raised.value.code == "E616"
        return raised.value

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCOUT_CACHE", str(tmp_path / "a b"))
    assert "spaces and the like are in its path" in error(provider="local").message
    (tmp_path / "file").touch()
    assert (
        "cannot be written: Not a directory"
        in error(provider="local", folder=tmp_path / "file" / "x").message
    )
    monkeypatch.setenv("PATH", "/nowhere")
    assert (
        error(provider="slurm").message
        == "this machine has no `sbatch`: SLURM cannot be asked from here"
    )
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "parsl.executors", None)
        assert error(provider="local").hint == "pip install 'scoutlang[cluster]'"
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        assert "Parsl does not run on Windows" in error(provider="local").message


def test_blocks_take_no_more_units_in_time_to_end_before_the_walltime() -> None:
    def drains(**keys: Any) -> int | None:
        return cluster._drain(Site(**keys))

    assert drains(provider="slurm", walltime="08:00:00", patience=1800) == 7.5 * 3600
    assert drains(provider="slurm", walltime="01:00:00", patience=3600) == 1800
    assert drains(provider="local") is None
