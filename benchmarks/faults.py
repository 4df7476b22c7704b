"""What kills leave behind: `python -m benchmarks.faults`.

A small run is killed (SIGKILL) before its first write to the run folder, before its second, and so
on to its last; each time it is resumed, and the folder must be the one of a run that nobody
disturbed, file by file. The same at random moments, with workers, of which one may be killed, too.
Writes the counts into benchmarks/RESULTS.md unless --no-write is given. POSIX only: it forks.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import psutil
import torch

from benchmarks import results
from scoutlang.interfaces import api
from scoutlang.ir import Program
from scoutlang.runs.run import run
from scoutlang.support.engines.processes import Processes

TEXT = """system Cu
atoms in [2, 4]
require CN(Cu-Cu) = 4
sample count=6 batch=2 steps=4 seed=3
relax which=all by=both steps=2
"""
_DIFFER = {"run.json", ".lock", ".holder.json"}
"""run.json has times; what else it says is compared without them."""
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_EVENTS = frozenset({"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate"})


def program() -> Program:
    found = api.check(TEXT, name="faults.scout").program
    assert found is not None
    return found


def make(folder: Path, workers: int = 1) -> None:
    """The run, begun or resumed."""
    engine = Processes(workers) if workers > 1 else None
    try:
        run(
            program(),
            folder,
            resume=True,
            potential="emt",
            reference="mp-mini",
            device="cpu",
            workers=1 if engine is None else None,
            engine=engine,
        )
    finally:
        if engine is not None:
            engine.close()


def content(folder: Path) -> dict[str, bytes | Any]:
    """What is in a run folder, but for times."""
    found: dict[str, bytes | Any] = {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name not in _DIFFER
    }
    facts = json.loads((folder / "run.json").read_text())
    for name in ("started", "batches", "sampling", "validation", "relaxing"):
        facts.pop(name)
    return found | {"run.json": facts}


def forked(work: Callable[[], None]) -> int:
    """Do it in a process of its own → its number."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.setpgid(0, 0)
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        work()
        code = 0
    finally:
        os._exit(code)


def ended(child: int) -> int:
    """Its exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_before_write(folder: Path, number: int) -> bool:
    """Make a run that is killed before its ``number``-th write into the folder, from 0. False where
    there were fewer.
    """

    def work() -> None:
        seen = 0
        inside = str(folder)

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal seen
            if event not in _EVENTS or not str(arguments[0]).startswith(inside):
                return
            if event == "open" and not (arguments[2] or 0) & _WRITES:
                return
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)
            seen += 1

        sys.addaudithook(hook)
        make(folder)

    return ended(forked(work)) == -signal.SIGKILL


def killed_later(folder: Path, seconds: float, who: str, workers: int) -> str:
    """Make a run of which after so many seconds the ``driver``, a ``worker`` or ``both`` are
    killed → what happened.
    """
    child = forked(lambda: make(folder, workers))
    time.sleep(seconds)
    driver = psutil.Process(child)
    found = [] if driver.status() == psutil.STATUS_ZOMBIE else driver.children()
    if who in ("worker", "both") and found:
        random.choice(found).kill()
    if who in ("driver", "both"):
        with suppress(psutil.NoSuchProcess):
            driver.kill()
    code = ended(child)
    psutil.wait_procs(found, timeout=30)
    left = [one for one in found if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    if left:
        return "workers stay"
    if code == 0:
        return "finished"
    return "killed" if code == -signal.SIGKILL else f"code {code}"


@dataclass
class Count:
    kills: int = 0
    equal: int = 0
    said: str = ""


def resumed_equals(folder: Path, whole: dict[str, Any], workers: int) -> str:
    """Resume a run → what is wrong with its folder, empty if nothing."""
    if code := ended(forked(lambda: make(folder, workers))):
        return f"it cannot be resumed: code {code}"
    found = content(folder)
    names = found.keys() | whole.keys()
    differ = sorted(name for name in names if found.get(name) != whole.get(name))
    return f"{', '.join(differ[:3])} differ" if differ else ""


def every_write(scratch: Path, whole: dict[str, Any], step: int = 1) -> Count:
    """Kills before every ``step``-th write."""
    count, number = Count(), 0
    while True:
        folder = scratch / f"write-{number}"
        if not killed_before_write(folder, number):
            break
        count.kills += 1
        wrong = resumed_equals(folder, whole, 1)
        count.equal += not wrong
        if wrong:
            count.said = f"before write {number}: {wrong}"
        shutil.rmtree(folder, ignore_errors=True)
        number += step
    return count


def random_moments(
    scratch: Path, whole: dict[str, Any], who: str, kills: int, longest: float, seed: int = 0
) -> Count:
    """Kills of two workers and their driver at random moments of a run."""
    count, moments = Count(), random.Random(seed)
    for number in range(kills):
        folder = scratch / f"{who}-{number}"
        happened = killed_later(folder, moments.uniform(0, longest), who, 2)
        wrong = happened if happened == "workers stay" else resumed_equals(folder, whole, 1)
        count.kills += 1
        count.equal += not wrong
        if wrong:
            count.said = f"kill {number}: {wrong}"
        shutil.rmtree(folder, ignore_errors=True)
    return count


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50, help="at random moments, of each kind")
    parser.add_argument("--every", type=int, default=1, help="one write of so many")
    parser.add_argument("--no-write", action="store_true", help="show the table only")
    given = parser.parse_args()
    lines = ["| killed | moments | kills | resumed to the same folder |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        torch.set_num_threads(1)
        make(scratch / "warm")  # what it loads is there for all that follow
        assert ended(forked(lambda: make(scratch / "whole"))) == 0
        whole = content(scratch / "whole")
        started = time.monotonic()
        assert ended(forked(lambda: make(scratch / "two", 2))) == 0
        longest = time.monotonic() - started
        assert content(scratch / "two") == whole
        rows = [
            (
                "driver",
                "before each write of the run folder",
                every_write(scratch, whole, given.every),
            )
        ]
        when = f"at random in {longest:.0f} s"
        rows += [
            (who, when, random_moments(scratch, whole, who, given.kills, longest))
            for who in ("driver", "worker", "both")
        ]
    for who, when, count in rows:
        lines.append(f"| {who} | {when} | {count.kills} | {count.equal} {count.said} |")
    text = "\n".join(lines)
    click.echo(text)
    if not given.no_write:
        results.write("faults", text)


if __name__ == "__main__":
    main()
