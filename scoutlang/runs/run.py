"""One run: program + settings + seed → a folder with samples, records and a manifest.

Each batch is a unit of work, whose result is a file of its own: an interrupted run goes on with the
batches that are not in the folder, wherever and by however many workers they are made. What a batch
cost stands in the manifest under ``batches``, the sums of the arms under ``sampling``, both over
all sessions of the run.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from scoutlang.ir import SAMPLED, Arm, Program
from scoutlang.potentials import load as load_potential
from scoutlang.runs.folder import RunFolder, check_free, give_back, held, writing
from scoutlang.runs.glance import Glance
from scoutlang.runs.judge import Judged, judge, judges_of
from scoutlang.runs.manifest import MANIFEST, Cost, Judges, Manifest, ModelIdentity
from scoutlang.runs.relax import relax
from scoutlang.runs.sampling import Order, Workshop, keep, sample, trace_file
from scoutlang.runs.sweep import unguided
from scoutlang.sampling.memory import keep_freed_memory
from scoutlang.support.engines import Died, Engine, Here, Unit, carried_out
from scoutlang.support.engines.processes import opened
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

    @property
    def stopping(self) -> bool:
        """Whether the user wants what is being worked on to be finished, and nothing more begun."""

    def sampling(self, arm: Arm, done: int, total: int, working: Sequence[Glance]) -> None:
        """``done`` of ``total`` structures of an arm are finished; ``working``: its batches that
        are in work, last the one that has just said something.
        """

    def judging(self, stage: str, done: int, total: int) -> None:
        """A validation stage has treated ``done`` of ``total`` structures."""


class Silent:
    """Shows nothing."""

    stopping = False

    def note(self, text: str) -> None: ...

    def sampling(self, arm: Arm, done: int, total: int, working: Sequence[Glance]) -> None: ...

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
    workers: int | None = None,
    engine: Engine | None = None,
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
    the program's model, where it is loaded already on the device; then batches are sampled in this
    process, unless an ``engine`` is given whose workers find it by its name. ``workers``:
    processes; one for each core if not given, where there is enough to do. ``engine``: where units
    of work are done instead; it stays open. The numbers depend on neither.

    Raises ScoutError: E601 the folder exists, E602 it cannot be written, E603 it holds another run,
    E614 somebody works on it, E615 a batch ends worker after worker; model errors E5xx.
    """
    watcher, folder, arms = watcher or Silent(), Path(folder), tuple(arms)
    keep_freed_memory()
    with _claimed(folder, program, arms, resume) as earlier, opened(engine, workers) as crew:
        other = None if baseline is None else RunFolder.open(baseline)
        judges = judges_of(earlier, potential, reference)
        confirm = tuple(confirm) or _confirming(earlier)
        if confirm and not program.relax.ways:
            watcher.note("nothing is relaxed (`relax off`), so there is nothing to confirm")
            confirm = ()
        for name in confirm:  # one that is missing is said now
            load_potential(name)
        sampling = _begin(
            program,
            folder,
            arms,
            judges,
            device,
            trace_every,
            model,
            # a model that only this process may have is not for others, unless they are named
            crew if model is None or engine is not None else None,
            watcher,
            earlier,
        )
        with _marking_interruption(sampling.run):
            if other is not None and "non-guided" in arms:
                sampling.take_baseline(other)
            with writing(folder):
                sampling.run.save(confirm=confirm)
                sampling.run.take_costs()
            sampling.sample()
            judged = judge(
                sampling.run,
                potential=judges.potential,
                reference=judges.reference,
                progress=watcher.judging,
                note=watcher.note,
                engine=crew,
                strict=True,
            )
            if program.relax.ways:
                judged = relax(
                    judged,
                    confirm=confirm,
                    engine=crew,
                    progress=watcher.judging,
                    note=watcher.note,
                    stopping=lambda: watcher.stopping,
                )
        with writing(folder):
            sampling.run.save(status="finished")
        return judged


def begin(
    program: Program,
    folder: str | Path,
    *,
    arms: Sequence[Arm] = SAMPLED,
    potential: str | None = None,
    reference: str | None = None,
    device: str | None = None,
    trace_every: int | None = None,
    confirm: Sequence[str] = (),
    watcher: Watcher | None = None,
) -> RunFolder:
    """Begin a run and leave it at that: its folder and manifest, so that others make shares of its
    batches (`scoutlang.runs.part`). Options and errors as in `run`.
    """
    folder, arms = Path(folder), tuple(arms)
    with _claimed(folder, program, arms, resume=False):
        judges = judges_of(None, potential, reference)
        sampling = _begin(
            program,
            folder,
            arms,
            judges,
            device,
            trace_every,
            None,
            None,
            watcher or Silent(),
            None,
        )
        with writing(folder):
            sampling.run.save(status="interrupted", confirm=tuple(confirm))
        return sampling.run


def _begin(
    program: Program,
    folder: Path,
    arms: tuple[Arm, ...],
    judges: Judges,
    device: str | None,
    trace_every: int | None,
    model: Model | None,
    engine: Engine | None,
    watcher: Watcher,
    earlier: RunFolder | None,
) -> _Sampling:
    """Load what the run needs, and write its manifest, with what an earlier session has noted.
    engine: where batches may be made; None: in this process.
    """
    from scoutlang.sampling.generate import check_model
    from scoutlang.sampling.mattergen.checkpoint import load_model

    if earlier is not None:
        device = device or earlier.manifest.device
        trace_every = trace_every or earlier.manifest.trace_every
    theirs = None if engine is None else engine.device
    device = device or theirs or _here()
    # where there is a GPU of this machine one process has it
    elsewhere = engine is not None and device == (theirs or "cpu")
    if model is None:
        # where others sample it is only looked at, and so where this machine cannot
        place = "cpu" if elsewhere or not _has(device) else device
        watcher.note(f"loading the model '{program.sample.model}' ({device})")
        begun = earlier.manifest.model if earlier is not None else None
        model = load_model(
            program.sample.model, place, begun.weights_sha256 if begun is not None else ""
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
    if "guided" in arms and Heights.asked(program, potential, reference) is not None:
        noted["resampled_by"] = Judges(potential=potential.name, reference=reference.name)
    facts = {
        "device": device,
        "model": identity,
        "judges": judges,
        "trace_every": trace_every,
        "threads": 1,
    }
    run = RunFolder(folder, Manifest.begin(program, arms, **facts))
    with writing(folder):
        run.save(**noted)
    shop = Workshop(program, model, device, potential, reference)
    return _Sampling(run, shop, engine if elsewhere else None, watcher)


def _here() -> str:
    return "cuda" if _has("cuda") else "cpu"


def _has(device: str) -> bool:
    """Whether torch can compute there, on this machine."""
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError):  # torch built without CUDA asserts
        return False
    return True


_KEPT = ("started", "batches", "baseline", "potential", "reference", "validation", "relaxing")
"""What a run that goes on takes over from its manifest."""

_STEP = 0.002
"""Seconds, about, that the embedded model needs for a step of a structure."""


@dataclass(frozen=True)
class _Sampling:
    """A run whose batches are sampled."""

    run: RunFolder
    shop: Workshop
    engine: Engine | None
    """None: batches are made in this process."""
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
        costs, taken = dict(run.manifest.batches), 0
        for indices in batches(run.program):
            part, theirs = (r.part("non-guided", indices[0]) for r in (run, other))
            if part.exists() or part.stem not in other.manifest.batches:
                continue
            try:
                other.read_part(theirs, "non-guided", indices)
            except (FileNotFoundError, ScoutError):  # not there, shorter or damaged: it is sampled
                continue
            with writing(run.path):
                write_whole(part, partial(shutil.copyfile, theirs))
            costs[part.stem] = other.manifest.batches[part.stem]
            taken += len(indices)
        if taken:
            with writing(run.path):
                run.save(batches=costs, baseline=str(other.path))
            self.watcher.note(f"non-guided: {taken} structures are those of {other.path}")

    def sample(self) -> None:
        """Sample the batches of all arms that are not there yet. Raises KeyboardInterrupt where the
        user does not want them all.
        """
        run, count = self.run, self.run.program.sample.count
        arms = sorted(run.arms, key=_FIRST.index)
        missing = {
            run.part(arm, indices[0]).stem: (arm, indices)
            for indices in batches(run.program)
            for arm in arms
            if not run.part(arm, indices[0]).exists()
        }
        self._look_at_others(missing)
        left = Counter(dict.fromkeys(arms, 0))
        for arm, indices in missing.values():
            left[arm] += len(indices)
        for arm in arms:
            self.watcher.sampling(arm, count - left[arm], count, ())
        for arm in arms:
            if not left[arm]:
                self.watcher.note(_ending(arm, count, run.manifest.costs.get(arm)))
        working: dict[str, Glance] = {}

        def its(arm: Arm) -> list[Glance]:
            return [seen for name, seen in working.items() if missing[name][0] == arm]

        def told(unit: Unit, glance: Glance) -> None:
            working.pop(unit.name, None)  # the latest is the last
            working[unit.name] = glance
            arm, _ = missing[unit.name]
            self.watcher.sampling(arm, count - left[arm], count, its(arm))

        engine = self._where(sum(left.values()))
        if missing and engine.here and not _has(self.shop.device):
            raise ScoutError(
                "E516",
                f"torch cannot compute on '{self.shop.device}' here",
                "--device cpu, or `scout sample` on a machine that has it",
            )
        units = [self._unit(name, *what, engine) for name, what in missing.items()]
        finished = carried_out(
            units,
            engine,
            told=told,
            stopping=lambda: self.watcher.stopping,
            lost=lambda unit, why: self.watcher.note(f"{unit.name}: {why}"),
        )
        with closing(finished):
            for unit, [batch] in finished:
                working.pop(unit.name, None)
                arm, indices = missing[unit.name]
                if isinstance(batch, Died):
                    raise ScoutError(
                        "E615",
                        f"the batch {unit.name} ends worker after worker: {batch}",
                        "a smaller batch (--batch) or fewer workers (--workers) need less memory; "
                        "what is finished is kept",
                    )
                with writing(run.path):
                    keep(run, arm, batch)
                    run.add_costs({unit.name: batch.cost})
                left[arm] -= len(indices)
                self.watcher.sampling(arm, count - left[arm], count, its(arm))
                if not left[arm]:
                    self.watcher.note(_ending(arm, count, run.manifest.costs.get(arm)))
        if any(left.values()):
            raise KeyboardInterrupt

    def _look_at_others(self, missing: Mapping[str, object]) -> None:
        """Look at the batches that are there: one that is cut short ends the run here, not after
        hours.
        """
        run, untraced = self.run, False
        for indices in batches(run.program):
            for arm in run.arms:
                part = run.part(arm, indices[0])
                if part.stem in missing:
                    continue
                # one that was noted was read or written as a whole
                if part.stem not in run.manifest.batches or not run.is_whole(part):
                    run.read_part(part, arm, indices)
                traced = run.manifest.trace_every and arm == "guided"
                untraced |= bool(traced) and not trace_file(run, arm, indices[0]).exists()
        if untraced:
            self.watcher.note("guided: batches that were sampled without a trace stay without one")

    def _where(self, structures: int) -> Engine:
        seconds = structures * self.run.program.sample.steps * _STEP
        engine = self.engine
        return engine if engine is not None and engine.pays(seconds) else Here()

    def _unit(self, name: str, arm: Arm, indices: range, engine: Engine) -> Unit:
        run = self.run.manifest
        if engine.here:
            return Unit(name, self.shop.batches, (arm, run.trace_every), [indices])
        assert run.model is not None  # `_begin` has noted it
        assert run.device is not None
        assert run.judges is not None
        order = Order(run.program, arm, run.model, run.device, run.judges, run.trace_every)
        return Unit(name, sample, (order,), [indices])


_FIRST: tuple[Arm, ...] = ("guided", "non-guided", "prototypes")
"""Of batches with the same indices: what takes long comes first, so that no worker waits at the
end, and an interrupted run has as many of one arm as of the other.
"""


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
    return unguided(run.program), run.manifest.model, run.manifest.scoutlang


def _ending(arm: Arm, count: int, cost: Cost | None) -> str:
    """``guided: 128 structures, 0.41 s of one worker each; 3 of them diverged``."""
    text = f"{arm}: {count} structures"
    if cost is None:
        return text
    text += f", {cost.seconds / max(cost.structures, 1):.2f} s of one worker each"
    return f"{text}; {cost.diverged} of them diverged" if cost.diverged else text


def batches(program: Program) -> list[range]:
    """The indices of an arm, batch by batch."""
    count, size = program.sample.count, program.sample.batch
    return [range(first, min(first + size, count)) for first in range(0, count, size)]


@contextmanager
def _claimed(
    path: Path, program: Program, arms: tuple[Arm, ...], resume: bool
) -> Iterator[RunFolder | None]:
    """Make the folder ours before any work is done, and hold it. The run that goes on, or None for
    a new one, which gives the folder back where it fails before its first batch: a wrong model name
    must not block the folder's name.
    """
    if resume and (path / MANIFEST).is_file():
        with held(path):
            yield _same_run(path, program, arms)
        return
    check_free(path)
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    with held(path):
        with writing(path):
            RunFolder.create(path, Manifest.begin(program, arms))
        try:
            yield None
        except Exception:
            give_back(path)
            raise


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
