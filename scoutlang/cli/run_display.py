"""How `scout run` shows itself: a live bar on a terminal, plain lines elsewhere, the table at the end."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from scoutlang.ir import Arm
from scoutlang.running import RunResult
from scoutlang.validation.table import render_table

_PLAIN_EVERY = 20.0  # seconds between lines when the output is no terminal


class Display:
    """The `Watcher` of the command line. Progress goes to standard error, the table to standard output."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._console = Console(stderr=True, quiet=quiet)
        self._bar = Progress(
            TextColumn("{task.description:<11}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}"), console=self._console, disable=quiet or not self._console.is_terminal,
        )  # fmt: skip
        self._tasks: dict[str, TaskID] = {}
        self._last = 0.0

    def __enter__(self) -> Display:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._bar.stop()

    def note(self, text: str) -> None:
        self._console.print(text, highlight=False)

    def sampling(self, arm: Arm, done: int, total: int, step: int, steps: int, loss: float | None) -> None:
        detail = f"step {step}/{steps}" + ("" if loss is None else f"  loss {loss:.3f}")
        self._show(arm, done, total, detail, finished=done >= total)

    def judging(self, stage: str, done: int, total: int) -> None:
        self._show(stage, done, total, "", finished=done >= total)

    def _show(self, name: str, done: int, total: int, detail: str, *, finished: bool) -> None:
        if not self._bar.disable:
            if name not in self._tasks:
                self._tasks[name] = self._bar.add_task(name, total=total, detail="")
            self._bar.update(self._tasks[name], completed=done, detail="" if finished else detail)
        elif not self._quiet and time.monotonic() - self._last > _PLAIN_EVERY:
            self._last = time.monotonic()
            self._console.print(f"{name}: {done}/{total}  {detail}".rstrip(), highlight=False)

    def table(self, result: RunResult) -> None:
        """The result on standard output."""
        Console().print(render_table(result.validation, result.files))
