"""Units of work in real processes: results, deaths, hangs, and what is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import engine_work
import processes
import pytest

from scoutlang.support.engines import Died, Engine, Here, Unit, carried_out
from scoutlang.support.engines.processes import Processes
from scoutlang.support.errors import ScoutError

TESTS = Path(engine_work.__file__).parent


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(TESTS))


@pytest.fixture
def two() -> Iterator[Processes]:
    engine = Processes(2)
    yield engine
    engine.close()


def units(work: Any, *given: Any, items: Sequence[Sequence[Any]]) -> list[Unit]:
    return [Unit(f"unit-{k}", work, given, some) for k, some in enumerate(items)]


def results(engine: Engine, asked: Sequence[Unit], **how: Any) -> dict[str, list[Any]]:
    return {unit.name: found for unit, found in carried_out(asked, engine, **how)}


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_do_not_depend_on_the_engine(workers: int) -> None:
    engine: Engine = Processes(workers) if workers else Here()
    asked = units(engine_work.squares, items=[[1, 2], [3], [], [4, 5, 6]])
    told: list[tuple[str, int]] = []
    found = results(engine, asked, told=lambda unit, what: told.append((unit.name, what)))
    engine.close()
    assert found == {"unit-0": [1, 4], "unit-1": [9], "unit-2": [], "unit-3": [16, 25, 36]}
    assert sorted(what for _, what in told) == [1, 2, 3, 4, 5, 6]
    assert [what for name, what in told if name == "unit-3"] == [4, 5, 6]


def test_a_worker_that_is_killed_costs_only_the_item_that_kills(two: Processes) -> None:
    asked = units(engine_work.deadly, frozenset({3}), items=[[1, 2, 3, 4], [5], [6, 7]])
    lost: list[str] = []
    found = results(two, asked, lost=lambda unit, why: lost.append(f"{unit.name}: {why}"))
    assert found["unit-1"] == [25]
    assert found["unit-2"] == [36, 49]
    [died] = [one for one in found["unit-0"] if isinstance(one, Died)]
    assert str(died) == "the process was ended by SIGKILL, as it is where memory runs out"
    assert [found["unit-0"][k] for k in (0, 1, 3)] == [1, 4, 16]
    assert len(lost) == 2  # the whole unit, then the item alone
    assert all(line.startswith("unit-0: ") for line in lost)


def test_a_worker_that_is_killed_once_costs_nothing(two: Processes, tmp_path: Path) -> None:
    asked = units(engine_work.deadly_once, str(tmp_path), items=[[1], [2], [3]])
    assert results(two, asked) == {"unit-0": [1], "unit-1": [4], "unit-2": [9]}


def test_where_every_worker_dies_it_ends(two: Processes) -> None:
    asked = units(engine_work.deadly, frozenset(range(40)), items=[[k] for k in range(40)])
    with pytest.raises(
        ScoutError, match="one worker after the other is lost: the process was"
    ) as caught:
        results(two, asked)
    assert caught.value.code == "E615"


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (engine_work.failing, ("ValueError", "no 1")),
        (engine_work.failing_strangely, ("RuntimeError", "Strange: a b")),
    ],
)
def test_what_the_work_raises_is_raised(two: Processes, work: Any, said: tuple[str, str]) -> None:
    with pytest.raises(Exception, match=said[1]) as error:
        results(two, units(work, items=[[1]]))
    assert type(error.value).__name__ == said[0]


def test_what_libraries_print_is_no_answer(
    two: Processes, capfd: pytest.CaptureFixture[str]
) -> None:
    assert results(two, units(engine_work.chatty, items=[[1]])) == {"unit-0": [1]}
    two.close()
    written = capfd.readouterr()
    assert written.out == ""
    assert "past Python" in written.err


def test_a_process_that_says_nothing_is_ended() -> None:
    engine = Processes(1, patience=0.5)
    asked = units(engine_work.sleeping, 3600.0, items=[[1]])
    assert results(engine, asked) == {
        "unit-0": [Died("the process said nothing for 0.5 s and was ended")]
    }
    engine.close()


def test_workers_have_one_thread_and_no_modules_of_the_working_folder(two: Processes) -> None:
    found = results(two, units(engine_work.where, items=[[k] for k in range(8)]))
    seen = {one for some in found.values() for one in some}
    assert 1 <= len({process for process, _, _ in seen}) <= 2  # they are kept
    assert os.getpid() not in {process for process, _, _ in seen}
    assert {rest for _, *rest in map(list, seen) for rest in rest} == {"False", "1"}


def test_stopping_finishes_what_is_begun_and_begins_nothing(two: Processes) -> None:
    begun: list[str] = []

    def many() -> Iterator[Unit]:
        for unit in units(engine_work.sleeping, 0.2, items=[[k] for k in range(50)]):
            begun.append(unit.name)
            yield unit

    found = results(two, many(), stopping=lambda: len(begun) >= 4)  # type: ignore[arg-type]
    assert len(begun) == 4
    # two were being worked on, or three where one ended in between; what only waited is not begun
    assert 2 <= len(found) < 4


def test_an_abandoned_iteration_ends_its_workers(two: Processes, tmp_path: Path) -> None:
    quick = units(engine_work.squares, items=[[1]])
    slow = [
        Unit("slow", engine_work.announced, (str(tmp_path),), [1]),
        Unit("slow too", engine_work.announced, (str(tmp_path),), [1]),
    ]
    found = carried_out([*quick, *slow], two)
    assert next(found)[1] == [1]
    processes.until(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
    found.close()  # type: ignore[attr-defined]
    pids = [int(file.stem) for file in tmp_path.glob("*.pid")]
    processes.until(lambda: not any(map(_lives, pids)))
    # and the engine goes on
    assert results(two, quick) == {"unit-0": [1]}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_workers_of_a_driver_that_was_killed_end(tmp_path: Path, how: signal.Signals) -> None:
    script = tmp_path / "driver.py"  # without `if __name__ == "__main__"`
    script.write_text(
        textwrap.dedent(f"""
        import engine_work
        from scoutlang.support.engines import Unit, carried_out
        from scoutlang.support.engines.processes import Processes

        asked = [Unit(str(k), engine_work.announced, ({str(tmp_path)!r},), [k]) for k in range(2)]
        list(carried_out(asked, Processes(2)))
        """)
    )
    driver = subprocess.Popen([sys.executable, script], env=processes.environment())
    processes.until(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
    driver.send_signal(how)
    driver.wait(processes.LONG)
    pids = [int(file.stem) for file in tmp_path.glob("*.pid")]
    processes.until(lambda: not any(map(_lives, pids)))


def test_the_driver_is_told_in_its_own_thread(two: Processes) -> None:
    threads: set[str] = set()
    asked = units(engine_work.squares, items=[[1, 2], [3]])
    results(two, asked, told=lambda *_: threads.add(threading.current_thread().name))
    assert threads == {threading.main_thread().name}


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # one that has ended and was not asked for its code yet is not alive
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:  # it has just gone, or there is no /proc here
        return not Path("/proc/self/stat").exists()
    return stat.rpartition(")")[2].split()[0] != "Z"
