"""What workers bring and cost: `python -m benchmarks.workers`.

1. The demo's hypothesis sampled and relaxed by one worker and by two, in turns; and what the
   machine itself gives: the same work by one process alone, and by two that know nothing of each
   other.
2. What a unit costs the driver, with 64 workers whose units only sleep.

Writes the tables into benchmarks/RESULTS.md unless --no-write is given.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import click
import torch

from benchmarks import results
from scoutlang.interfaces import api
from scoutlang.ir import Arm, Program
from scoutlang.runs.glance import Glance
from scoutlang.runs.run import Silent, run
from scoutlang.support.engines import Here, Unit, carried_out
from scoutlang.support.engines.processes import Processes

HERE = Path(__file__).parent
DEMO = HERE.parent / "examples" / "paper" / "cu_si_p_ca.scout"


def sleep(seconds: float, items: Sequence[int], tell: Callable[[Any], None]) -> list[int]:
    """A unit that only takes time."""
    time.sleep(seconds)
    return list(items)


class Clock(Silent):
    """When the parts of a run began and ended."""

    def __init__(self) -> None:
        self.seen: dict[str, list[float]] = {"sampling": [], "relaxing": []}

    def sampling(self, arm: Arm, done: int, total: int, working: Sequence[Glance]) -> None:
        if working or done:
            self.seen["sampling"].append(time.monotonic())

    def judging(self, stage: str, done: int, total: int) -> None:
        if stage.startswith("relax "):
            self.seen["relaxing"].append(time.monotonic())

    def seconds(self, part: str) -> float:
        return self.seen[part][-1] - self.seen[part][0]


def program(count: int, batch: int, steps: int, seed: int) -> Program:
    found = api.check(DEMO).program
    assert found is not None
    sample = replace(found.sample, count=count, batch=batch, steps=steps, seed=seed)
    return replace(found, sample=sample, relax=replace(found.relax, which="all"))


def once(folder: Path, workers: int, asked: Program) -> tuple[float, float]:
    """Seconds of sampling and of relaxing, with workers that are there already."""
    engine = Processes(2) if workers == 2 else Here()
    # their start, and what they load, is not what is measured
    little = replace(asked, sample=replace(asked.sample, count=4, batch=1, steps=2))
    run(little, folder / "warm", engine=engine, device="cpu", watcher=Silent())
    clock = Clock()
    run(asked, folder / "run", engine=engine, device="cpu", watcher=clock)
    engine.close()
    return clock.seconds("sampling"), clock.seconds("relaxing")


def apart(processes: int, asked: tuple[int, int, int]) -> float:
    """Structures a second of so many processes that each sample all that is asked for."""
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "benchmarks.workers", "--apart", *map(str, asked)]
        running = [
            subprocess.Popen(
                [*command, "--folder", f"{name}/{k}"], stdout=subprocess.PIPE, text=True
            )
            for k in range(processes)
        ]
        seconds = [float(one.communicate()[0]) for one in running]
    return processes * 2 * asked[0] / max(seconds)


def of_the_demo(asked: tuple[int, int, int], repeats: int) -> list[str]:
    times: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    for seed in range(repeats):
        for workers in (1, 2):
            with tempfile.TemporaryDirectory() as name:
                times[workers].append(once(Path(name), workers, program(*asked, seed)))
    alone, together = apart(1, asked), apart(2, asked)
    count, batch, steps = asked
    lines = [
        f"`{DEMO.name}`, {count} structures of each arm in batches of {batch}, {steps} steps, "
        f"every structure relaxed two ways; {repeats} pairs, medians.",
        "",
        "| part | one worker, s | two workers, s | ratio |",
        "|---|---|---|---|",
    ]
    for place, part in enumerate(("sampling", "relaxing")):
        one, two = (median(found[place] for found in times[workers]) for workers in (1, 2))
        lines.append(f"| {part} | {one:.1f} | {two:.1f} | {one / two:.2f} |")
    lines += [
        f"| sampling by processes that know nothing of each other | {alone:.2f} structures/s | "
        f"{together:.2f} structures/s | {together / alone:.2f} |",
    ]
    return lines


def of_the_driver(workers: int, units: int, seconds: float) -> list[str]:
    from benchmarks.workers import sleep  # a worker finds it there, and not in __main__

    engine = Processes(workers)
    warm = [Unit(f"warm {k}", sleep, (0.5,), [k]) for k in range(workers)]
    for _ in carried_out(warm, engine):
        pass
    started, busy = time.monotonic(), time.process_time()
    many = (Unit(f"unit {k}", sleep, (seconds,), [k]) for k in range(units))
    done = sum(1 for _ in carried_out(many, engine))
    wall, own = time.monotonic() - started, time.process_time() - busy
    engine.close()
    assert done == units
    ideal = units * seconds / workers
    return [
        f"{units} units of {seconds:g} s on {workers} workers: {wall:.2f} s, {ideal:.2f} s of it "
        f"sleep; {1e3 * own / units:.2f} ms of the driver's CPU for a unit, "
        f"{100 * own / units / seconds:.2f} % of it.",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=24, help="structures of an arm")
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--no-write", action="store_true", help="show the tables only")
    parser.add_argument("--apart", type=int, nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.apart:
        clock, asked = Clock(), program(*given.apart, 0)
        off = replace(asked, relax=replace(asked.relax, which="off"))
        run(off, given.folder, workers=1, device="cpu", watcher=clock)
        click.echo(str(clock.seconds("sampling")))
        return
    units = of_the_driver(64, 640, 2.0)
    click.echo("\n".join(units))
    demo = of_the_demo((given.count, given.batch, given.steps), given.repeats)
    click.echo("\n".join(demo))
    text = "\n".join([*demo, "", *units])
    if not given.no_write:
        results.write("workers", text)


if __name__ == "__main__":
    main()
