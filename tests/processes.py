"""Programs that tests start, with one thread each, and waiting for what they do: for an event, never
for a time, since the machine may be busy.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

LONG = 600.0
"""Seconds. It only ends a test that would wait for ever; no test takes as long."""

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, with one thread, and more."""
    return {**os.environ, **_ONE_THREAD, **(more or {})}


def run(
    command: Sequence[Any],
    *,
    env: Mapping[str, str] | None = None,
    check: bool = False,
    **how: Any,
) -> subprocess.CompletedProcess[Any]:
    """Run a program to its end, as `subprocess.run` does. env: what is added to ours. What it
    writes is captured if nothing else is said.
    """
    if not how.keys() & {"stdout", "stderr"}:
        how["capture_output"] = True
    return subprocess.run(command, env=environment(env), check=check, timeout=LONG, **how)


def scout(
    *arguments: str, env: Mapping[str, str] | None = None, **how: Any
) -> subprocess.CompletedProcess[Any]:
    """Run ``scout`` with these arguments, as `run` does."""
    return run([sys.executable, "-m", "scoutlang", *arguments], env=env, **how)


def until(happened: Callable[[], bool]) -> None:
    """Wait for something that nobody tells. Raises TimeoutError where it does not happen."""
    end = time.monotonic() + LONG
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)
