"""Independent work, wherever it is done: here, in processes of this machine, on a cluster.

A `Unit` is work on some items with what decides its results; an `Engine` takes units and gives
futures; `carried_out` hands units to an engine and gives back what came of them, as they end. What
an item gives does not depend on the engine, on how many workers it has, or on the other items: so
whoever calls writes each result into a file of its own, and a file that is there is a unit that is
done.

A worker that dies takes nothing with it. Its unit is done once more, item by item, so that the item
that kills gets `Died` for its result and all others get theirs.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from scoutlang.support.errors import ScoutError

Tell = Callable[[Any], None]
"""What a unit says while it works; it arrives where `carried_out` was called."""

_TICK = 0.1
"""Seconds between two looks at what units say."""


@dataclass(frozen=True)
class Unit:
    """``work(*given, items, tell)`` → a list with a result for each item.

    ``work`` is a function of a module, and all else is data: it may be done in another process. An
    engine that works here takes any function.
    """

    name: str
    work: Callable[..., Sequence[Any]]
    given: tuple[Any, ...]
    """What decides the results beside the items."""
    items: Sequence[Any]

    def done(self, tell: Tell) -> list[Any]:
        results = list(self.work(*self.given, self.items, tell))
        if len(results) != len(self.items):
            raise ValueError(f"{self.name}: {len(results)} results for {len(self.items)} items")
        return results


@dataclass(frozen=True)
class Died:
    """The result of an item whose worker ended without one, twice."""

    why: str

    def __str__(self) -> str:
        return self.why


class WorkerLost(Exception):
    """A worker ended without a result, or said nothing for too long."""


class Engine(Protocol):
    """Where units are done."""

    @property
    def workers(self) -> int:
        """How many units are done at once."""

    @property
    def here(self) -> bool:
        """Whether they are done in this process: then a unit need not be data."""

    @property
    def device(self) -> str | None:
        """Of torch, on machines elsewhere: ``cpu``, ``cuda``. None: its workers are here, on the
        processor; one process can have the GPU, and that is not one of them.
        """

    def pays(self, seconds: float) -> bool:
        """Whether about so many seconds of work are worth what it costs to start it."""

    def submit(self, unit: Unit, tell: Tell) -> Future[list[Any]]:
        """Begin with a unit, or put it behind the others. ``tell`` may be called from any thread.
        The future raises what the work raises, `WorkerLost` where a worker is lost.
        """

    def stop(self) -> None:
        """End what is being worked on, now. Units may be submitted afterwards."""

    def close(self) -> None:
        """Let the workers go; what is being worked on ends."""


class Here:
    """Each unit is done in this process when it is submitted."""

    workers = 1
    here = True
    device = None

    def pays(self, seconds: float) -> bool:
        return True

    def submit(self, unit: Unit, tell: Tell) -> Future[list[Any]]:
        future: Future[list[Any]] = Future()
        try:
            future.set_result(unit.done(tell))
        except Exception as error:
            future.set_exception(error)
        return future

    def stop(self) -> None: ...

    def close(self) -> None: ...


def carried_out(
    units: Iterable[Unit],
    engine: Engine,
    *,
    told: Callable[[Unit, Any], None] | None = None,
    stopping: Callable[[], bool] = lambda: False,
    lost: Callable[[Unit, str], None] | None = None,
) -> Generator[tuple[Unit, list[Any]], None, None]:
    """Every unit with the results of its items, in the order in which they end. An exception that
    the work raises is raised here, and ends what else is being worked on; so does the end of the
    iteration before its time.

    told: what a unit says while it works. stopping: asked before a unit is begun; once it is true
    only what is being worked on is finished. lost: told of each worker that is lost, and why. All
    of them are called in the thread of the caller. Raises ScoutError E615 where worker after worker
    is lost.
    """
    said: queue.SimpleQueue[tuple[Unit, Any]] = queue.SimpleQueue()
    gathering = _Gathering()
    waiting = iter(units)
    running: dict[Future[list[Any]], Unit] = {}

    def say(unit: Unit, what: Any) -> None:
        if told:
            told(gathering.whole(unit), what)

    def begin(unit: Unit) -> None:
        tell = partial(say, unit) if engine.here else lambda what: said.put((unit, what))
        running[engine.submit(unit, tell)] = unit

    def listen() -> None:
        while not said.empty():
            say(*said.get())

    more = True
    try:
        while True:
            # one more than there are workers, so that none of them waits for this process
            while more and len(running) < engine.workers + (not engine.here) and not stopping():
                if (unit := next(waiting, None)) is None:
                    more = False
                else:
                    begin(unit)
                    if engine.here:
                        break
            if stopping():  # what only waits is not begun
                for future in [future for future in running if future.cancel()]:
                    del running[future]
            if not running:
                return
            ended, _ = wait(running, _TICK, FIRST_COMPLETED)
            listen()
            for future in ended:
                unit = running.pop(future)
                try:
                    results = future.result()
                except WorkerLost as error:
                    if lost:
                        lost(gathering.whole(unit), str(error))
                    for again in gathering.lost(unit, str(error)):
                        begin(again)
                else:
                    gathering.got(unit, results)
                if whole := gathering.complete(unit):
                    yield whole
    finally:
        under_way = [future for future in running if not future.cancel()]
        if under_way:
            engine.stop()


def in_parts(
    work: Callable[..., Sequence[Any]],
    given: tuple[Any, ...],
    items: Sequence[Any],
    size: int,
    engine: Engine,
    told: Callable[[Any], None] | None = None,
) -> list[Any]:
    """The results of all items in their order; a unit has ``size`` of them. Raises as
    `carried_out`.
    """
    units = [
        Unit(str(first), work, given, items[first : first + size])
        for first in range(0, len(items), size)
    ]
    say = told or (lambda what: None)
    found = {
        unit.name: results
        for unit, results in carried_out(units, engine, told=lambda unit, what: say(what))
    }
    return [result for unit in units for result in found[unit.name]]


_MOST_LOSSES = 5
"""Items in a row that lose their worker twice: then it is not the items."""


class _Gathering:
    """The results of units that were divided after their worker was lost."""

    def __init__(self) -> None:
        self._parents: dict[str, Unit] = {}
        self._results: dict[str, dict[int, Any]] = {}
        self._in_a_row = 0

    def whole(self, unit: Unit) -> Unit:
        """The unit that this one is a part of."""
        return self._parents.get(unit.name, unit)

    def lost(self, unit: Unit, why: str) -> list[Unit]:
        """What is to be done after a loss: each item alone, once. Raises ScoutError E615."""
        if unit.name in self._parents:
            self._in_a_row += 1
            place = int(unit.name.rpartition("#")[2])
            self._results[self.whole(unit).name][place] = Died(why)
            if self._in_a_row >= _MOST_LOSSES:
                raise ScoutError(
                    "E615",
                    f"one worker after the other is lost: {why}",
                    "fewer workers (--workers) and smaller batches (--batch) need less memory; "
                    "what is finished is kept",
                )
            return []
        parts = [
            replace(unit, name=f"{unit.name}#{place}", items=[item])
            for place, item in enumerate(unit.items)
        ]
        self._parents |= {part.name: unit for part in parts}
        self._results[unit.name] = {}
        return parts

    def got(self, unit: Unit, results: list[Any]) -> None:
        self._in_a_row = 0
        if unit.name in self._parents:
            place = int(unit.name.rpartition("#")[2])
            self._results[self.whole(unit).name][place] = results[0]
        else:
            self._results[unit.name] = dict(enumerate(results))

    def complete(self, unit: Unit) -> tuple[Unit, list[Any]] | None:
        """The whole unit with its results, where none is missing."""
        whole = self.whole(unit)
        results = self._results.get(whole.name, {})
        if len(results) < len(whole.items):
            return None
        del self._results[whole.name]
        for place in range(len(whole.items)):
            self._parents.pop(f"{whole.name}#{place}", None)
        return whole, [results[place] for place in range(len(whole.items))]
