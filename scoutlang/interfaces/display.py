"""How a run shows itself, from the command line and from Python: a live bar on a terminal, plain
lines elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from scoutlang.ir import Arm
from scoutlang.runs.folder import RunFolder
from scoutlang.runs.glance import Glance
from scoutlang.runs.judge import Judged, judge
from scoutlang.runs.trace import TermLoss
from scoutlang.support.screen import Screen

_PLAIN_EVERY = 20.0  # seconds between lines when the output is no terminal
_LONGEST_LABEL = 20  # characters
_PLAIN_TERMS = 4  # in a plain line; the others are counted


class Display:
    """The `Watcher` of people, on standard error. transient: the bars go when it is over."""

    stopping = False

    def __init__(self, *, quiet: bool, transient: bool = False) -> None:
        self._quiet = quiet
        self._console = Screen(stderr=True, quiet=quiet)
        self._live = self._console.is_terminal and not quiet
        self._bar = _Bar(self._console, disable=not self._live, transient=transient)
        self._tasks: dict[str, TaskID] = {}
        self._due = 0.0

    def __enter__(self) -> Display:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def note(self, text: str) -> None:
        self._console.print(text, highlight=False)

    def sampling(self, arm: Arm, done: int, total: int, working: Sequence[Glance]) -> None:
        if not working:
            self._bar.losses = ()
            self._show(arm, done, total, done, "")
        elif not self._quiet:
            # the bar goes on inside the batches; the number beside it counts what is finished
            reached = done + sum(one.reached for one in working)
            self._show(arm, done, total, reached, self._detail(working))

    def judging(self, stage: str, done: int, total: int) -> None:
        self._show(stage, done, total, done, "")

    def _detail(self, working: Sequence[Glance]) -> str:
        """Where the batches are, and what the one says that has just said something."""
        latest = working[-1]
        steps = ", ".join(str(step) for step in sorted(one.step for one in working))
        detail = f"step {steps}/{latest.steps}"
        if latest.hit_share is not None:
            detail += f"  hits {latest.hit_share:.0%}"
        if lost := sum(one.diverged for one in working):
            detail += f"  {lost} diverged"
        losses = latest.losses
        if self._live:
            self._bar.losses = losses or self._bar.losses
        elif losses:
            detail += f"  loss: {_listed(losses[:_PLAIN_TERMS], len(losses) - _PLAIN_TERMS)}"
        return detail

    def _show(self, name: str, done: int, total: int, reached: float, detail: str) -> None:
        if self._live:
            if name not in self._tasks:
                self._tasks[name] = self._bar.add_task(name, total=total, detail="", done=0)
            self._bar.update(self._tasks[name], completed=reached, done=done, detail=detail)
        elif not self._quiet and time.monotonic() >= self._due:
            self._console.print(
                f"{name}: {done}/{total}  {detail}".rstrip(), highlight=False, soft_wrap=True
            )
            self._due = time.monotonic() + _PLAIN_EVERY


def judge_shown(run: RunFolder | str | Path, *, quiet: bool, **options: Any) -> Judged:
    """`scoutlang.runs.judge.judge` with these options, while a display shows how it goes."""
    with Display(quiet=quiet) as display:
        return judge(run, progress=display.judging, note=display.note, **options)


class _Bar(Progress):
    """The bars, and below them one line with the losses of the terms: as many, hardest first, as
    fit.
    """

    def __init__(self, console: Screen, *, disable: bool, transient: bool) -> None:
        self.losses: Sequence[TermLoss] = ()
        super().__init__(
            TextColumn("{task.description:<11}"),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[done]}/{task.total:.0f}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}"),
            console=console,
            disable=disable,
            transient=transient,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        if self.losses:
            yield Text(_fitting(self.losses, self.console.width), no_wrap=True, overflow="ellipsis")


def _fitting(losses: Sequence[TermLoss], width: int) -> str:
    """The longest list that fits into the width, with at least one term."""
    lines = (f"  loss: {_listed(losses[:n], len(losses) - n)}" for n in range(len(losses), 0, -1))
    return next(
        (line for line in lines if len(line) <= width),
        f"  loss: {_listed(losses[:1], len(losses) - 1)}",
    )


def _listed(losses: Sequence[TermLoss], left_out: int) -> str:
    return ", ".join([*map(_term, losses), *([f"+{left_out} more"] if left_out > 0 else [])])


def _term(one: TermLoss) -> str:
    """``tetrahedron 1.20 (38 % undefined)``."""
    label = one.label if len(one.label) <= _LONGEST_LABEL else f"{one.label[: _LONGEST_LABEL - 1]}…"
    if one.loss is None:
        return f"{label} undefined"
    return f"{label} {one.loss:.3g}" + (
        f" ({1 - one.defined:.0%} undefined)" if one.defined < 0.995 else ""
    )
