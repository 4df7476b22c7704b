"""How soon `scout` has its first prompt, and how fast an editor is answered: ``python -m
benchmarks.editor_speed`` prints a table.

The prompt: from the start of `scout` in a pseudo-terminal, with no kept sessions, until it stands
there.

A client over the pipes of `scout lsp`, the one of the tests: from the start of the process to the
first messages, and from a change of the text to its messages (the pause of 0.05 s or more that
waits for further changes is part of it), a completion and the colours, in an example and in 10 000
lines of one form; and 200 changes of the example as fast as they can be sent.
"""

from __future__ import annotations

import argparse
import os
import runpy
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect

from benchmarks.language_speed import plain_program

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "tetrahedral_network.scout"
URI = EXAMPLE.as_uri()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    connect = runpy.run_path(str(ROOT / "tests" / "interfaces" / "lsp" / "lsp_client.py"))["Client"]
    text = EXAMPLE.read_text(encoding="utf-8")
    rows = [("scout to its first prompt", [_prompted() for _ in range(repeats)])]
    rows += [
        ("start to first messages, an example", [_started(connect, text) for _ in range(repeats)])
    ]
    client = connect()
    for name, program in (("an example", text), ("10 000 lines", plain_program())):
        client.open(URI, program)
        line = program.split("\n")[-2]
        last = {
            "line": program.count("\n") - 1,
            "character": line.index("(") + 1 if "(" in line else 0,
        }
        for what, act in (
            ("change to messages", _change(client, program)),
            ("completion", lambda: client.at("completion", URI, **last)),  # noqa: B023
            ("colours", _colours(client, program)),
        ):
            rows.append((f"{what}, {name}", [_seconds(act) for _ in range(repeats)]))
        client.close(URI)
    client.open(URI, text)
    rows.append(
        (
            "200 changes in a row, an example",
            [_seconds(lambda: _hurry(client, text)) for _ in range(repeats)],
        )
    )
    client.end()
    lines = [f"{'':36} {'median, s':>10} {'most, s':>8}"]
    lines += [
        f"{name:36} {statistics.median(seconds):10.3f} {max(seconds):8.3f}"
        for name, seconds in rows
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _prompted() -> float:
    with tempfile.TemporaryDirectory() as data:
        began = time.perf_counter()
        scout = pexpect.spawn(
            sys.executable,
            ["-m", "scoutlang"],
            env={**os.environ, "TERM": "xterm-256color", "SCOUT_DATA": data},
        )
        scout.expect("scout>")
        seconds = time.perf_counter() - began
        scout.sendeof()
        scout.expect(pexpect.EOF)
        scout.close()
    return seconds


def _started(connect: Callable[[], Any], text: str) -> float:
    began = time.perf_counter()
    client = connect()
    client.open(URI, text)
    seconds = time.perf_counter() - began
    client.end()
    return seconds


def _change(client: Any, text: str) -> Callable[[], object]:
    def act() -> None:
        client.change(URI, f"{text}# {time.perf_counter()}")
        client.diagnostics(URI)

    return act


def _colours(client: Any, text: str) -> Callable[[], object]:
    """Right behind a change, when nothing is known of the new text yet."""

    def act() -> None:
        client.change(URI, f"{text}# {time.perf_counter()}")
        client.of("semanticTokens/full", URI)

    return act


def _hurry(client: Any, text: str) -> None:
    for i in range(200):
        client.change(URI, text + "#" * i)
    client.diagnostics(URI)


if __name__ == "__main__":
    main()
