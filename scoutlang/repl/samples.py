"""What a session makes: samples and runs with a model that stays loaded; `showing` says what is in them. Imports torch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from scoutlang.errors import ScoutError
from scoutlang.families import Member, members, run_each
from scoutlang.ir import Arm, Program
from scoutlang.judged_runs import Judged, judge
from scoutlang.repl.interrupts import pressing
from scoutlang.run_folder import ARMS, SAMPLES
from scoutlang.running import Watcher, run
from scoutlang.sampling.backends.mattergen.checkpoint import Model, load_model
from scoutlang.tracing import Moment
from scoutlang.validation.record import Record

RUNS = Path("runs")
"""Where a run goes that got no name, as with `scout run`."""

_BATCH = 8
"""Structures that `:sample` makes together, at most: an interruption loses no more than these."""


@dataclass(frozen=True)
class Sampled:
    """Structures of both arms, judged. temporary: they go with the session; complete: nobody stopped it. before: made earlier with the same seed."""

    judged: Judged
    temporary: bool
    complete: bool
    before: Judged | None = None

    @property
    def folder(self) -> Path:
        return self.judged.folder

    @property
    def program(self) -> Program:
        return self.judged.run.program

    @property
    def records(self) -> tuple[Record, ...]:
        return self.judged.validation.records


@dataclass(frozen=True)
class Swept:
    """The finished runs of a family in a folder, and how many there should be."""

    runs: tuple[Judged, ...]
    folder: Path
    planned: int

    @property
    def complete(self) -> bool:
        return len(self.runs) == self.planned


class _Patient:
    """A `Watcher` that hands on what it sees, and stops the run behind a batch where Ctrl-C was pressed in it; a second one stops it at once."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._in_batch = self._pressed = self._said = False

    def press(self) -> None:
        """Ctrl-C. Raises KeyboardInterrupt where no batch is worked on, and the second time."""
        if self._pressed or not self._in_batch:
            raise KeyboardInterrupt
        self._pressed = True

    def note(self, text: str) -> None:
        self._watcher.note(text)

    def sampling(self, arm: Arm, done: int, total: int, moment: Moment | None) -> None:
        self._in_batch = moment is not None
        if self._pressed and not self._said:
            self._said = True
            self._watcher.note("Ctrl-C: finishing this batch; press it again to stop at once")
        self._watcher.sampling(arm, done, total, moment)
        if self._pressed and moment is None and not (arm == ARMS[-1] and done == total):  # what is left is to judge
            raise KeyboardInterrupt

    def judging(self, stage: str, done: int, total: int) -> None:
        self._watcher.judging(stage, done, total)


class Bench:
    """Makes structures and remembers those made last."""

    def __init__(self, folder: Path) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self._folder = folder
        self._numbers = itertools.count(1)
        self._model: tuple[str, Model] | None = None
        self._last: Sampled | None = None

    def sample(self, program: Program, count: int, watcher: Watcher) -> Sampled:
        """A few structures per arm in a folder of the session. Raises ScoutError as `run` does, E703 where nothing was finished."""
        settings = replace(program.sample, count=count, batch=min(program.sample.batch, _BATCH))
        return self._make(replace(program, sample=settings), self._folder / f"sample-{next(self._numbers)}", watcher, temporary=True)

    def run(self, program: Program, folder: Path | None, watcher: Watcher) -> Sampled:
        """All that the program asks for, in a folder that stays. Raises as `sample`."""
        return self._make(program, folder or _free_folder(), watcher, temporary=False)

    def last(self) -> Sampled:
        """Raises ScoutError E703 where nothing was made yet."""
        if self._last is None:
            raise ScoutError("E703", "nothing was sampled yet", ":sample makes a few structures")
        return self._last

    def sweep(
        self, program: Program, family: Sequence[Program], folder: Path | None, watching: Callable[[], AbstractContextManager[Watcher]]
    ) -> Swept:
        """A run for each program of a family, in a folder that stays; what is finished there is not done again. Raises ScoutError as `run` does."""
        folder = folder or _free_folder()
        runs = members(program, family, folder)

        def run_member(member: Member, baseline: Path | None) -> Judged:
            with watching() as watcher:
                watcher.note(f"{1 + runs.index(member)} of {len(runs)}: {member.name}")
                return self._run(member.program, member.folder, watcher, baseline, resume=True)

        finished: list[Judged] = []
        with suppress(KeyboardInterrupt):
            for judged in run_each(runs, run_member):
                finished.append(judged)
                self._last = Sampled(judged, temporary=False, complete=True)
        return Swept(tuple(finished), folder, len(runs))

    def _make(self, program: Program, folder: Path, watcher: Watcher, *, temporary: bool) -> Sampled:
        earlier = self._last.judged if self._last is not None and _alike(self._last.program, program) else None
        complete = True
        try:
            judged = self._run(program, folder, watcher, None if earlier is None else earlier.folder)
        except KeyboardInterrupt:
            if not any((folder / SAMPLES).glob("*.json")):
                raise ScoutError(
                    "E703",
                    "interrupted before a batch was finished",
                    "Ctrl-C once lets the batch be finished; a smaller :sample is done sooner",
                ) from None
            watcher.note("interrupted; judging what is finished")
            judged, complete = judge(folder, progress=watcher.judging), False
        changed = earlier is not None and earlier.run.program.digest() != program.digest()
        self._last = Sampled(judged, temporary, complete, earlier if changed else None)
        return self._last

    def _run(self, program: Program, folder: Path, watcher: Watcher, baseline: Path | None, *, resume: bool = False) -> Judged:
        model = self._loaded(program.sample.model, watcher)
        patient = _Patient(watcher)
        with pressing(patient.press):
            return run(program, folder, device=self.device, model=model, baseline=baseline, watcher=patient, resume=resume)

    def _loaded(self, name: str, watcher: Watcher) -> Model:
        if self._model is None or self._model[0] != name:
            watcher.note(f"loading the model '{name}' ({self.device})")
            self._model = name, load_model(name, self.device)
        return self._model[1]


def _alike(one: Program, other: Program) -> bool:
    """Whether two programs draw the same structures but for what guides them."""
    return one.sample == other.sample and one.system == other.system


def _free_folder() -> Path:
    return next(folder for n in itertools.count(1) if not (folder := RUNS / f"session-{n}").exists())
