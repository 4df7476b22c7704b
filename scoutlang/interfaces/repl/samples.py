"""What a session makes: samples and runs with a model that stays loaded; `showing` says what is in
them. Imports torch.
"""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from scoutlang.interfaces.interrupts import pressing
from scoutlang.interfaces.patience import Patient
from scoutlang.ir import Program
from scoutlang.runs.folder import SAMPLES
from scoutlang.runs.judge import Judged, judge
from scoutlang.runs.manifest import MANIFEST
from scoutlang.runs.run import Watcher, run
from scoutlang.runs.sweep import Member, members, run_each
from scoutlang.sampling.mattergen.checkpoint import Model, load_model
from scoutlang.support.engines.processes import Processes
from scoutlang.support.errors import ScoutError
from scoutlang.validation.record import Record

RUNS = Path("runs")
"""Where a run goes that got no name, as with `scout run`."""

_BATCH = 8
"""Structures that `:sample` makes together, at most: an interruption loses no more than these."""


@dataclass(frozen=True)
class Sampled:
    """Structures of both arms, judged."""

    judged: Judged
    asked: Program
    """The program that stood when they were made."""
    temporary: bool
    """They go with the session."""
    before: Judged | None = None
    """Structures that were made just before with the same seed by another program."""

    @property
    def folder(self) -> Path:
        return self.judged.folder

    @property
    def program(self) -> Program:
        return self.judged.run.program

    @property
    def complete(self) -> bool:
        """Whether every structure that was asked for is there."""
        return self.judged.run.finished

    @property
    def records(self) -> tuple[Record, ...]:
        return self.judged.validation.records


@dataclass(frozen=True)
class Swept:
    """The finished runs of a sweep."""

    runs: tuple[Judged, ...]
    folder: Path
    """It has a folder for each of them."""
    planned: int
    """How many there should be."""

    @property
    def complete(self) -> bool:
        return len(self.runs) == self.planned


class Bench:
    """Makes structures and remembers those made last."""

    def __init__(self, folder: Path) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self._folder = folder
        self._numbers = itertools.count(1)
        self._model: tuple[str, Model] | None = None
        self._engine = Processes()
        self.last: Sampled | None = None
        self._left: dict[str, Path] = {}
        """Samples that were not judged: the same one goes on with them. By the digest of the
        program.
        """

    def close(self) -> None:
        """Let the workers go."""
        self._engine.close()

    def sample(self, program: Program, count: int, watcher: Watcher) -> Sampled:
        """A few structures per arm in a folder of the session: a quick look, so nothing is relaxed.
        Raises ScoutError as `run` does,
        E703 where nothing was finished.
        """
        few = replace(
            program,
            sample=replace(program.sample, count=count, batch=min(program.sample.batch, _BATCH)),
            relax=replace(program.relax, which="off"),
        )
        left = self._left.pop(few.digest(), None)
        folder = left or self._folder / f"sample-{next(self._numbers)}"
        try:
            return self._make(
                few, program, folder, watcher, temporary=True, resume=left is not None
            )
        except ScoutError as error:
            if error.code in ("E602", "E703") and (folder / MANIFEST).is_file():
                self._left[few.digest()] = folder
            raise

    def run(
        self, program: Program, folder: Path | None, watcher: Watcher, *, resume: bool = False
    ) -> Sampled:
        """All that the program asks for, in a folder that stays. Raises as `sample`."""
        return self._make(
            program, program, folder or _free_folder(), watcher, temporary=False, resume=resume
        )

    def sweep(
        self,
        program: Program,
        family: Sequence[Program],
        asked: Program,
        folder: Path | None,
        watching: Callable[[], AbstractContextManager[Watcher]],
    ) -> Swept:
        """A run for each program of a family, in a folder that stays; what is finished there is not
        done again. asked: the program that stands.

        Raises ScoutError as `run` does.
        """
        folder = folder or _free_folder()
        runs = members(program, family, folder)
        stopping = False

        def run_member(member: Member, baseline: Path | None) -> Judged:
            nonlocal stopping
            with watching() as watcher:
                watcher.note(f"{1 + runs.index(member)} of {len(runs)}: {member.name}")
                patient = Patient(watcher)
                judged = self._run(member.program, member.folder, patient, baseline, resume=True)
                stopping = patient.pressed
                return judged

        finished: list[Judged] = []
        with suppress(KeyboardInterrupt):
            for judged in run_each(runs, run_member):
                finished.append(judged)
                self.last = Sampled(judged, asked, temporary=False)
                if stopping:
                    break
        return Swept(tuple(finished), folder, len(runs))

    def _make(
        self,
        program: Program,
        asked: Program,
        folder: Path,
        watcher: Watcher,
        *,
        temporary: bool,
        resume: bool,
    ) -> Sampled:
        last = self.last
        earlier = last.judged if last is not None and _alike(last.program, program) else None
        again = "the same :sample" if temporary else f":run {shlex.quote(str(folder))}"
        patient = Patient(watcher)
        baseline = None if earlier is None else earlier.folder
        try:
            try:
                judged = self._run(program, folder, patient, baseline, resume=resume)
            except KeyboardInterrupt:
                judged = _finished(program, folder, patient, again, temporary=temporary)
        except ScoutError as error:
            if error.code == "E602":
                elsewhere = "; TMPDIR names a folder with space to the next session"
                error.hint = f"free some space, and {again} goes on with what is there"
                error.hint += elsewhere if temporary else ""
            raise
        changed = earlier is not None and earlier.run.program.digest() != program.digest()
        self.last = Sampled(judged, asked, temporary, earlier if changed else None)
        return self.last

    def _run(
        self,
        program: Program,
        folder: Path,
        patient: Patient,
        baseline: Path | None,
        *,
        resume: bool,
    ) -> Judged:
        model = self._loaded(program.sample.model, patient)
        with pressing(patient.press):
            return run(
                program,
                folder,
                device=self.device,
                model=model,
                engine=self._engine,
                baseline=baseline,
                watcher=patient,
                resume=resume,
            )

    def _loaded(self, name: str, watcher: Watcher) -> Model:
        if self._model is None or self._model[0] != name:
            watcher.note(f"loading the model '{name}' ({self.device})")
            self._model = name, load_model(name, self.device)
        return self._model[1]


def _finished(
    program: Program, folder: Path, patient: Patient, again: str, *, temporary: bool
) -> Judged:
    """What is finished of a run that was interrupted. Raises ScoutError E703 where that is nothing,
    with what would help.
    """
    if patient.sampled:
        what, hint = (
            "interrupted while the structures were judged",
            f"they are all there; {again} judges them",
        )
    elif any((folder / SAMPLES).glob("*.json")):
        patient.note("interrupted; judging what is finished")
        return judge(folder, progress=patient.judging)
    elif not patient.began:
        what, hint = (
            "interrupted before the first batch began",
            "nothing was made, and nothing is lost",
        )
    else:
        half = min(program.sample.count, program.sample.batch) // 2
        sooner = f":sample {half} is" if temporary else f"with :set batch={half} it is"
        what = "interrupted in the first batch, which is lost"
        hint = "Ctrl-C only once lets it be finished" + (f"; {sooner} done sooner" if half else "")
    raise ScoutError("E703", what, hint) from None


def _alike(one: Program, other: Program) -> bool:
    """Whether two programs draw the same structures but for what guides them."""
    return one.sample == other.sample and one.system == other.system


def _free_folder() -> Path:
    return next(
        folder for n in itertools.count(1) if not (folder := RUNS / f"session-{n}").exists()
    )
