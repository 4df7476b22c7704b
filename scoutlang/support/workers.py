"""Much independent work on all cores: a pool of processes whose results come in order.

Each process is started fresh and prepares itself once. One that dies takes nothing with it: what it
worked on is tried once more, alone, and where that dies too the result is `Died`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Died(Exception):
    """The process that worked on it ended without a result: killed, or out of memory."""


def cores() -> int:
    """How many this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def in_order(
    work: Callable[[_Item], _Result],
    items: Sequence[_Item],
    workers: int,
    prepare: Callable[..., object],
    given: tuple[Any, ...],
) -> Iterator[_Result | Died]:
    """``work`` on every item, in ``workers`` processes that have each called ``prepare(*given)``.

    All of these are pickled: functions of modules, and data. An exception of ``work`` is raised
    here. Ctrl-C belongs to the caller: what is worked on is finished and thrown away.
    """
    done = 0
    careful = False
    while done < len(items):
        waiting = items[done : done + 1] if careful else items[done:]
        pool = ProcessPoolExecutor(
            min(workers, len(waiting)),
            multiprocessing.get_context("spawn"),
            _begin,
            (prepare, *given),
        )
        try:
            for result in pool.map(work, waiting):
                yield result
                done += 1
            careful = False
        except BrokenProcessPool:
            if careful:
                yield Died("the process that worked on it ended without a result")
                done += 1
            careful = not careful
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _begin(prepare: Callable[..., object], *given: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare(*given)
