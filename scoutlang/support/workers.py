"""Much independent work on all cores: processes whose results come in order.

They are joblib's, which asks nothing of the script that calls (no ``if __name__ == "__main__"``)
and keeps them for the next call. One that dies takes nothing with it: what it worked on is tried
once more, alone, and where that dies too the result is `Died`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from joblib import Parallel, delayed

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


_MOST_DEATHS = 3


class Died(Exception):
    """The process that worked on it ended without a result: killed, or out of memory."""


def in_order(
    work: Callable[[_Item], _Result], items: Sequence[_Item], workers: int
) -> Iterator[_Result | Died]:
    """``work`` on every item, in ``workers`` processes, at least two. ``work`` is pickled: a
    function of a module, and data. An exception that it raises is raised here. Raises RuntimeError
    where processes end one after the other.
    """
    # a process of Python looks for modules in the working folder first, unless it is told not to
    os.environ["PYTHONSAFEPATH"] = "1"
    done = died = 0
    alone = False
    while done < len(items):
        waiting = items[done : done + 1] if alone else items[done:]
        results = Parallel(n_jobs=max(workers, 2), return_as="generator", batch_size=1)(
            delayed(work)(item) for item in waiting
        )
        try:
            for result in results:
                yield result
                done += 1
                died = 0
            alone = False
        except BrokenProcessPool:
            if alone:
                died += 1
                if died == _MOST_DEATHS:
                    raise RuntimeError(
                        "one process after the other ends without a result"
                    ) from None
                yield Died("the process that worked on it ended without a result")
                done += 1
            alone = not alone
