"""`python -m tools.fuzz ENTRANCE`: see the package."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import pkgutil
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from scoutlang.support.errors import ScoutError
from tools import fuzz

ROOM = 3 << 30
"""Bytes of address space that one input may take beside what is there."""
_CHUNK = 1000
"""Inputs of one process; what is imported is shared by all."""
_COMMON = ("mutations", "crystals")


def entrances() -> list[str]:
    names = (info.name for info in pkgutil.iter_modules(fuzz.__path__))
    return sorted(n for n in names if not n.startswith("_") and n not in _COMMON)


def entrance(name: str) -> ModuleType:
    return importlib.import_module(f"tools.fuzz.{name}")


def made(module: ModuleType, seeds: list[bytes], seed: int, number: int) -> bytes:
    """The input with that number."""
    rng = random.Random(f"{module.__name__} {seed} {number}")
    data: bytes = module.change(rng, rng.choice(seeds), seeds)
    return data


class TooSlow(BaseException):
    """Beyond the reach of handlers of exceptions."""


def fed(module: ModuleType, data: bytes, folder: Path) -> tuple[str, str]:
    """What came of an input in a word, and of a find the traceback."""

    def late(number: int, frame: Any) -> None:
        raise TooSlow

    signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, module.SECONDS)
    try:
        return module.feed(data, folder), ""
    except ScoutError as error:
        str(error).encode()
        return error.code, ""
    except TooSlow:
        return "FIND too slow", traceback.format_exc()[-3000:]
    except Exception as error:
        return f"FIND {type(error).__name__}", traceback.format_exc()[-3000:]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _work(name: str, seed: int, numbers: range, place: str, results: Any) -> None:
    """A chunk of inputs, in a process of its own; one result each, begun and ended."""
    module, folder = entrance(name), Path(place)
    seeds = module.seeds(folder)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, -1))
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    for number in numbers:
        data = made(module, seeds, seed, number)
        results.send((number, None, 0.0, ""))
        begun = time.process_time()
        outcome, trace = fed(module, data, folder)
        results.send((number, outcome, time.process_time() - begun, trace))
    results.send(None)


def run(name: str, count: int, seed: int, finds: Path, first: int = 0) -> dict[str, Any]:
    """Feed so many inputs, keep what is a find, and count."""
    module = entrance(name)
    outcomes: Counter[str] = Counter()
    slowest, total, number, kept = (0.0, -1), 0.0, first, 0
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as place:
        warm = Path(place)
        for data in module.seeds(warm):
            fed(module, data, warm)
        while number < first + count:
            numbers = range(number, min(number + _CHUNK, first + count))
            ours, theirs = context.Pipe(duplex=False)
            child = context.Process(target=_work, args=(name, seed, numbers, place, theirs))
            child.start()
            theirs.close()
            done = numbers.start - 1
            found: tuple[int, str, str] | None = None
            at = numbers.start
            while True:
                if not ours.poll(10 * module.SECONDS + 120):
                    found = (at, "FIND no end", "")
                    child.kill()
                    break
                try:
                    said = ours.recv()
                except EOFError:
                    child.join()
                    found = (at, f"FIND the process died ({child.exitcode})", "")
                    break
                if said is None:
                    break
                at, outcome, seconds, trace = said
                if outcome is None:
                    continue
                done = at
                outcomes[outcome] += 1
                total += seconds
                slowest = max(slowest, (seconds, at))
                if outcome.startswith("FIND"):
                    kept += _keep(finds, name, seed, at, outcome, trace)
            child.join()
            if found is not None:
                outcomes[found[1]] += 1
                kept += _keep(finds, name, seed, *found)
                done = found[0]
            number = done + 1
    return {
        "entrance": name,
        "count": count,
        "seed": seed,
        "per_second": round(count / total, 1) if total else None,
        "slowest": f"{slowest[0]:.2f} s (number {slowest[1]})",
        "finds": sum(n for word, n in outcomes.items() if word.startswith("FIND")),
        "outcomes": dict(outcomes.most_common()),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
    }


def _keep(finds: Path, name: str, seed: int, number: int, outcome: str, trace: str) -> int:
    module = entrance(name)
    with tempfile.TemporaryDirectory() as place:
        data = made(module, module.seeds(Path(place)), seed, number)
    finds.mkdir(parents=True, exist_ok=True)
    file = finds / f"{name}-{seed}-{number}-{zlib.crc32(data):08x}"
    file.write_bytes(data)
    file.with_suffix(".txt").write_text(f"{outcome}\n{trace}", encoding="utf-8")
    return 1


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


@click.command()
@click.argument("name", metavar="ENTRANCE", type=click.Choice(entrances()))
@click.option("--count", default=10_000, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--first", default=0, help="The number of the first input.")
@click.option("--finds", type=click.Path(path_type=Path), default=Path("fuzz-finds"))
@click.option("--replay", type=click.Path(path_type=Path, exists=True), help="One input again.")
@click.option("--out", type=click.Path(path_type=Path), help="Add the result to this file.")
def main(
    name: str,
    count: int,
    seed: int,
    first: int,
    finds: Path,
    replay: Path | None,
    out: Path | None,
) -> None:
    """Feed made-up inputs to an entrance; the exit code is 1 where one is a find."""
    if replay is not None:
        with tempfile.TemporaryDirectory() as place:
            module = entrance(name)
            module.seeds(Path(place))
            outcome, trace = fed(module, replay.read_bytes(), Path(place))
        click.echo(f"{outcome}\n{trace}".rstrip())
        sys.exit(outcome.startswith("FIND"))
    found = run(name, count, seed, finds, first)
    text = json.dumps(found)
    click.echo(text)
    if out is not None:
        with out.open("a", encoding="utf-8") as stream:
            stream.write(f"{text}\n")
    sys.exit(bool(found["finds"]))


if __name__ == "__main__":
    main()
