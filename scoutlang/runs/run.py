"""One run: program + settings + seed → a folder with samples, records and a manifest.

An interrupted run goes on with the first batch that is not in the folder. What a batch cost stands
in the manifest under ``batches``, the sums of the arms under ``sampling``, both over all sessions
of the run.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from scoutlang.ir import SAMPLED, Arm, Program
from scoutlang.potentials import load as load_potential
from scoutlang.runs.control import CONTROL, Control
from scoutlang.runs.folder import SAMPLES, RunFolder, writing
from scoutlang.runs.judge import Judged, judge, judges_of
from scoutlang.runs.manifest import MANIFEST, Cost, Judges, Manifest, ModelIdentity
from scoutlang.runs.relax import relax
from scoutlang.runs.trace import TRACE, Moment, Recorder, guiding_terms, write_trace
from scoutlang.sampling.memory import keep_freed_memory
from scoutlang.sampling.progress import Progress
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import write_whole
from scoutlang.validation.hull import Heights
from scoutlang.validation.reference import load as load_reference

if TYPE_CHECKING:
    from scoutlang.sampling.mattergen.checkpoint import Model


class Watcher(Protocol):
    """Whoever shows the progress of a run. Every method may be called often and must be quick."""

    def note(self, text: str) -> None:
        """One line that the user should see."""

    def sampling(self, arm: Arm, done: int, total: int, moment: Moment | None) -> None:
        """``done`` of ``total`` structures of an arm are finished; the batch in work after each
        step, None after its end.
        """

    def judging(self, stage: str, done: int, total: int) -> None:
        """A validation stage has treated ``done`` of ``total`` structures."""


class Silent:
    """Shows nothing."""

    def note(self, text: str) -> None: ...

    def sampling(self, arm: Arm, done: int, total: int, moment: Moment | None) -> None: ...

    def judging(self, stage: str, done: int, total: int) -> None: ...


def run(
    program: Program,
    folder: str | Path,
    *,
    arms: Sequence[Arm] = SAMPLED,
    resume: bool = False,
    potential: str | None = None,
    reference: str | None = None,
    device: str | None = None,
    trace_every: int | None = None,
    baseline: str | Path | None = None,
    model: Model | None = None,
    confirm: Sequence[str] = (),
    watcher: Watcher | None = None,
) -> Judged:
    """Sample the arms, judge them identically, relax them and judge them again, and write
    everything into ``folder``.

    A program's `sample`, `guide` and `relax` lines are the settings; ``device`` defaults to CUDA
    where there is one. With ``resume`` a run that was interrupted goes on. ``potential``,
    ``reference``: names; None for those that the run was begun with, or the defaults for a new one.
    ``confirm``: names of potentials that relax the candidates once more and judge them.
    ``trace_every`` n records every n-th guided step (`trace`). ``baseline``: another run, whose
    non-guided structures are taken where they are the ones that this run would sample. ``model``:
    the program's model, where it is loaded already on the device. Raises ScoutError: E601 the
    folder exists, E602 it cannot be written, E603 it holds another run; model errors E5xx.
    """
    watcher, folder, arms = watcher or Silent(), Path(folder), tuple(arms)
    keep_freed_memory()
    earlier = _claim(folder, program, arms, resume)
    try:
        other = None if baseline is None else RunFolder.open(baseline)
        judges = judges_of(earlier, potential, reference)
        confirm = tuple(confirm) or _confirming(earlier)
        if confirm and not program.relax.ways:
            watcher.note("nothing is relaxed (`relax off`), so there is nothing to confirm")
            confirm = ()
        for name in confirm:  # one that is missing is said now
            load_potential(name)
        sampling = _begin(
            program, folder, arms, judges, device, trace_every, model, watcher, earlier
        )
        with _marking_interruption(sampling.run):
            if other is not None and "non-guided" in arms:
                sampling.take_baseline(other)
            with writing(folder):
                sampling.run.save(confirm=confirm)
            for arm in arms:
                sampling.sample_arm(arm)
            judged = judge(
                sampling.run,
                potential=judges.potential,
                reference=judges.reference,
                progress=watcher.judging,
                note=watcher.note,
            )
            if program.relax.ways:
                judged = relax(judged, confirm=confirm, progress=watcher.judging, note=watcher.note)
        with writing(folder):
            sampling.run.save(status="finished")
        return judged
    except Exception:
        if earlier is None:
            _give_back(folder)
        raise


def _begin(
    program: Program,
    folder: Path,
    arms: tuple[Arm, ...],
    judges: Judges,
    device: str | None,
    trace_every: int | None,
    model: Model | None,
    watcher: Watcher,
    earlier: RunFolder | None,
) -> _Sampling:
    """Load what the run needs, and write its manifest, with what an earlier session has noted."""
    import torch

    from scoutlang.sampling.generate import check_model
    from scoutlang.sampling.mattergen.checkpoint import load_model

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if model is None:
        watcher.note(f"loading the model '{program.sample.model}' ({device})")
        begun = earlier.manifest.model if earlier is not None else None
        model = load_model(
            program.sample.model, device, begun.weights_sha256 if begun is not None else ""
        )
    check_model(program, model)
    # before anything is sampled: a potential or a reference that is missing must not be found out
    # an hour later
    potential, reference = load_potential(judges.potential), load_reference(judges.reference)
    identity = ModelIdentity.model_validate(model)
    noted: dict[str, Any] = {}
    if earlier is not None:
        if earlier.manifest.model not in (None, identity):
            raise ScoutError(
                "E603",
                f"{folder} was begun with other weights of the model '{model.name}'",
                "resume with those weights, or choose --out",
            )
        noted = {name: getattr(earlier.manifest, name) for name in _KEPT}
    heights = Heights.asked(program, potential, reference) if "guided" in arms else None
    if heights is not None:
        noted["resampled_by"] = Judges(potential=potential.name, reference=reference.name)
    facts = {"device": device, "model": identity, "judges": judges, "trace_every": trace_every}
    run = RunFolder(folder, Manifest.begin(program, arms, **facts))
    with writing(folder):
        run.save(**noted)
    control = Control(program, reference) if CONTROL in arms else None
    return _Sampling(run, model, device, heights, control, trace_every, watcher)


_KEPT = ("started", "batches", "baseline", "potential", "reference", "validation", "relaxing")
"""What a run that goes on takes over from its manifest."""


@dataclass(frozen=True)
class _Sampling:
    """A run whose batches are sampled."""

    run: RunFolder
    model: Model
    device: str
    heights: Heights | None
    """What resampling of the guided arm asks for energies, where it does."""
    control: Control | None
    trace_every: int | None
    watcher: Watcher

    def take_baseline(self, other: RunFolder) -> None:
        """Copy the non-guided batches of another run: those that are there, and are what this run
        would sample.
        """
        run = self.run
        if _unguided(run) != _unguided(other):
            self.watcher.note(
                f"{other.path} was sampled with other settings; the non-guided arm is sampled anew"
            )
            return
        batches, taken = dict(run.manifest.batches), 0
        for indices in _batches(run.program):
            part, theirs = (r.part("non-guided", indices[0]) for r in (run, other))
            if part.exists() or part.stem not in other.manifest.batches:
                continue
            try:
                other.read_part(theirs, "non-guided", indices)
            except (FileNotFoundError, ScoutError):  # not there, shorter or damaged: it is sampled
                continue
            with writing(run.path):
                write_whole(part, partial(shutil.copyfile, theirs))
            batches[part.stem] = other.manifest.batches[part.stem]
            taken += len(indices)
        if taken:
            with writing(run.path):
                run.save(batches=batches, baseline=str(other.path))
            self.watcher.note(f"non-guided: {taken} structures are those of {other.path}")

    def sample_arm(self, arm: Arm) -> None:
        """Sample the batches of an arm that are not there yet."""
        run, count, lost = self.run, self.run.program.sample.count, 0
        batches = _batches(run.program)
        there = [indices for indices in batches if run.part(arm, indices[0]).exists()]
        if (
            self.trace_every
            and arm == "guided"
            and not all(self._trace(arm, indices).exists() for indices in there)
        ):
            self.watcher.note(f"{arm}: batches that were sampled without a trace stay without one")
        for indices in batches:
            part = run.part(arm, indices[0])
            if indices in there:  # one that is damaged ends the run here, not after hours
                lost += sum(g.structure is None for g in run.read_part(part, arm, indices))
            else:
                cost = self._sample_batch(arm, indices)
                lost += cost.diverged
                with writing(run.path):
                    run.save(batches={**run.manifest.batches, part.stem: cost})
            self.watcher.sampling(arm, indices[-1] + 1, count, None)
        self.watcher.note(_ending(arm, lost, count, run.manifest.costs.get(arm)))

    def _sample_batch(self, arm: Arm, indices: range) -> Cost:
        """Sample one batch into its part, with its trace where that is asked for."""
        from scoutlang.sampling.generate import generate

        run, program = self.run, self.run.program
        if arm == CONTROL:
            return self._control_batch(indices)
        recorder = None if self.trace_every is None else Recorder(arm, indices, self.trace_every)
        terms = guiding_terms(program)
        evaluations: dict[tuple[int, ...], int] = {}

        def on_step(progress: Progress) -> None:
            evaluations[progress.indices] = progress.evaluations
            moment = Moment(terms, progress)
            if recorder is not None:
                recorder.record(moment)
            self.watcher.sampling(arm, indices[0], program.sample.count, moment)

        started = time.monotonic()
        sampled = generate(
            program,
            self.model,
            arm,
            indices,
            device=self.device,
            above_hull=self.heights if arm == "guided" else None,
            on_step=on_step,
        )
        seconds = time.monotonic() - started
        rows = recorder.table() if recorder is not None else None
        with writing(run.path):
            # the part comes last: it says that the batch is finished
            if rows is not None:
                write_trace(self._trace(arm, indices), rows)
            run.write_part(arm, sampled)
        return Cost(
            structures=len(sampled),
            seconds=round(seconds, 3),
            evaluations=sum(evaluations.values()),
            diverged=sum(s.failure is not None for s in sampled),
        )

    def _control_batch(self, indices: range) -> Cost:
        assert self.control is not None  # `_begin` has made it
        started = time.monotonic()
        found = self.control.specimens(indices)
        with writing(self.run.path):
            self.run.write_part(CONTROL, found)
        return Cost(
            structures=len(found),
            seconds=round(time.monotonic() - started, 3),
            evaluations=0,
            diverged=sum(one.failure is not None for one in found),
        )

    def _trace(self, arm: Arm, indices: range) -> Path:
        return self.run.path / TRACE / f"{self.run.part(arm, indices[0]).stem}.parquet"


def _confirming(earlier: RunFolder | None) -> tuple[str, ...]:
    """The potentials that confirm a run that goes on. Raises ScoutError E443 for a model file: see
    `judged_by`.
    """
    names = earlier.manifest.confirm if earlier is not None else ()
    for name in names:
        if ":" in name:
            hint = f"if you trust it, name it again: --confirm {name}"
            raise ScoutError("E443", f"the run is to be confirmed by a model file, {name}", hint)
    return names


def _unguided(run: RunFolder) -> tuple[Any, ...]:
    """All that decides what the non-guided arm holds, but the number of its structures."""
    program, sample = run.program, run.program.sample.to_data()
    del sample["count"]
    return (
        program.system,
        program.atoms,
        program.formula,
        sample,
        run.manifest.model,
        run.manifest.scoutlang,
    )


def _ending(arm: Arm, lost: int, count: int, cost: Cost | None) -> str:
    """``guided: 128 structures in 41 s (3.12 structures/s); 3 of 128 structures diverged``."""
    parts = []
    if cost is not None:
        rate = cost.structures / max(cost.seconds, 1e-9)
        parts.append(
            f"{cost.structures} structures in {cost.seconds:.0f} s ({rate:.2f} structures/s)"
        )
    if lost or cost is None:
        parts.append(f"{lost} of {count} structures diverged")
    return f"{arm}: {'; '.join(parts)}"


def _batches(program: Program) -> list[range]:
    """The indices of an arm, batch by batch."""
    count, size = program.sample.count, program.sample.batch
    return [range(first, min(first + size, count)) for first in range(0, count, size)]


def _claim(path: Path, program: Program, arms: tuple[Arm, ...], resume: bool) -> RunFolder | None:
    """Make the folder ours before any work is done. The run that goes on, or None for a new one."""
    if resume and (path / MANIFEST).is_file():
        return _same_run(path, program, arms)
    with writing(path):
        RunFolder.create(path, Manifest.begin(program, arms))
    return None


def _give_back(folder: Path) -> None:
    """Remove what `_claim` made when the run failed before its first batch: a wrong model name must
    not block the folder's name.
    """
    with suppress(OSError):
        (folder / SAMPLES).rmdir()  # fails, and so ends this, when a batch is there
        shutil.rmtree(folder / TRACE, ignore_errors=True)
        (folder / MANIFEST).unlink()
        folder.rmdir()


def _same_run(path: Path, program: Program, arms: tuple[Arm, ...]) -> RunFolder:
    try:
        found = RunFolder.open(path)
    except ScoutError as error:
        raise ScoutError("E603", error.message, error.hint) from error
    if found.program.digest() != program.digest() or found.arms != arms:
        raise ScoutError(
            "E603",
            f"{path} holds a run of another program or with other settings"
            f"{_differences(found, program, arms)}",
            "resume with the same program and options, or choose --out",
        )
    return found


def _differences(found: RunFolder, program: Program, arms: Sequence[Arm]) -> str:
    """``: steps 250 there, 20 here``; nothing where the statements differ and not the settings."""
    there, here = (
        {**of.guide.to_data(), **of.sample.to_data(), "arms": list(its)}
        for of, its in ((found.program, found.arms), (program, arms))
    )
    said = [
        f"{name} {there[name]} there, {here[name]} here"
        for name in here
        if there[name] != here[name]
    ]
    return f": {'; '.join(said)}" if said else ""


@contextmanager
def _marking_interruption(run: RunFolder) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # what ended the run is the message, not that this could not be noted
        with suppress(OSError):
            run.save(status="interrupted")
        raise
