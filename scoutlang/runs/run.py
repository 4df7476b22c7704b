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
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from scoutlang.ir import Arm, Program
from scoutlang.potentials import DEFAULT as POTENTIAL
from scoutlang.potentials import load as load_potential
from scoutlang.runs.folder import ARMS, MANIFEST, SAMPLES, RunFolder, manifest, writing
from scoutlang.runs.judge import REFERENCE, Judged, claim, judge, judged_by
from scoutlang.runs.trace import TRACE, Moment, Recorder, guiding_terms, write_trace
from scoutlang.sampling.progress import Progress
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import write_whole
from scoutlang.support.memory import keep_freed_memory
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
    arms: Sequence[Arm] = ARMS,
    resume: bool = False,
    potential: str | None = None,
    reference: str | None = None,
    device: str | None = None,
    trace_every: int | None = None,
    baseline: str | Path | None = None,
    model: Model | None = None,
    watcher: Watcher | None = None,
) -> Judged:
    """Sample the arms, judge them identically, and write everything into ``folder``.

    A program's `sample` and `guide` lines are the settings; ``device`` defaults to CUDA where there
    is one. With ``resume`` a run that was interrupted goes on. ``potential``, ``reference``: names;
    None for those that the run was begun with, `POTENTIAL` and `REFERENCE` for a new one.
    ``trace_every`` n records every n-th guided step (`tracing`) and draws the losses. ``baseline``:
    another run, whose non-guided structures are taken where they are the ones that this run would
    sample. ``model``: the program's model, where it is loaded already on the device. Raises
    ScoutError: E601 the folder exists, E602 it cannot be written, E603 it holds another run; model
    errors E5xx.
    """
    watcher, folder = watcher or Silent(), Path(folder)
    keep_freed_memory()
    earlier = _claim(folder, program, arms, resume)
    try:
        other = None if baseline is None else RunFolder.open(baseline)
        potential = potential or (judged_by(earlier, "potential") if earlier else POTENTIAL)
        reference = reference or (judged_by(earlier, "reference") if earlier else REFERENCE)
        return _run(
            program,
            folder,
            tuple(arms),
            potential,
            reference,
            device,
            trace_every,
            other,
            model,
            watcher,
            earlier,
        )
    except Exception:
        if earlier is None:
            _give_back(folder)
        raise


def _run(
    program: Program,
    path: Path,
    arms: tuple[Arm, ...],
    potential_name: str,
    reference_name: str,
    device: str | None,
    trace_every: int | None,
    baseline: RunFolder | None,
    model: Model | None,
    watcher: Watcher,
    earlier: RunFolder | None,
) -> Judged:
    # heavy imports wait until the folder is known to be good
    import torch

    from scoutlang.sampling.generate import check_model
    from scoutlang.sampling.mattergen.checkpoint import load_model

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if model is None:
        watcher.note(f"loading the model '{program.sample.model}' ({device})")
        model = load_model(program.sample.model, device)
    check_model(program, model)
    # before anything is sampled: a potential or a reference that is missing must not be found out
    # an hour later
    potential, reference = load_potential(potential_name), load_reference(reference_name)
    identity = {
        "name": model.name,
        "weights_sha256": model.weights_sha256,
        "config_sha256": model.config_sha256,
    }
    judges = {"potential": potential_name, "reference": reference_name}
    facts = {
        "device": device,
        "model": identity,
        "judges": judges,
        "trace_every": trace_every,
        "batches": {},
    }
    run = RunFolder(path, manifest(program, arms) | facts)
    if earlier is not None:
        if earlier.manifest.get("model", identity) != identity:
            raise ScoutError(
                "E603",
                f"{path} was begun with other weights of the model '{model.name}'",
                "resume with those weights, or choose --out",
            )
        kept = ("started", "batches", "sampling", "potential", "reference", "validation")
        run.manifest.update({key: earlier.manifest[key] for key in kept if key in earlier.manifest})
    heights = Heights.asked(program, potential, reference) if "guided" in arms else None
    if heights is not None:
        run.manifest["resampled_by"] = {"potential": potential.name, "reference": reference.name}
    with writing(path):
        run.save()

    with _marking_interruption(run):
        if baseline is not None and "non-guided" in arms:
            _take_baseline(run, baseline, watcher)
        for arm in arms:
            _sample_arm(
                run, arm, model, device, heights if arm == "guided" else None, trace_every, watcher
            )
        judged = judge(
            run,
            potential=potential_name,
            reference=reference_name,
            progress=watcher.judging,
            note=watcher.note,
        )
    run.manifest["status"] = "finished"
    with writing(path):
        run.save()
    return judged


def _take_baseline(run: RunFolder, other: RunFolder, watcher: Watcher) -> None:
    """Copy the non-guided batches of another run: those that are there, and are what this run would
    sample.
    """
    if _unguided(run) != _unguided(other):
        watcher.note(
            f"{other.path} was sampled with other settings; the non-guided arm is sampled anew"
        )
        return
    taken = 0
    for indices in _batches(run.program.sample.count, run.program.sample.batch):
        part = run.part("non-guided", indices[0])
        if part.exists() or part.stem not in other.manifest.get("batches", {}):
            continue
        theirs = other.part("non-guided", indices[0])
        try:
            other.read_part(theirs, "non-guided", indices)
        except (FileNotFoundError, ScoutError):  # not there, shorter or damaged: it is sampled
            continue
        with writing(run.path):
            write_whole(part, partial(shutil.copyfile, theirs))
        run.manifest["batches"][part.stem] = other.manifest["batches"][part.stem]
        taken += len(indices)
    if taken:
        run.manifest["baseline"] = str(other.path)
        with writing(run.path):
            run.save()
        watcher.note(f"non-guided: {taken} structures are those of {other.path}")


def _unguided(run: RunFolder) -> tuple[Any, ...]:
    """All that decides what the non-guided arm holds, but the number of its structures."""
    program, sample = run.program, run.program.sample.to_data()
    del sample["count"]
    return (
        program.system,
        program.atoms,
        program.formula,
        sample,
        run.manifest.get("model"),
        run.manifest.get("scoutlang"),
    )


def _sample_arm(
    run: RunFolder,
    arm: Arm,
    model: Any,
    device: str,
    heights: Heights | None,
    trace_every: int | None,
    watcher: Watcher,
) -> None:
    """Sample the batches of an arm that are not there yet."""
    sample, lost = run.program.sample, 0
    batches = _batches(sample.count, sample.batch)
    there = [run.part(arm, b[0]).exists() for b in batches]
    if (
        trace_every
        and arm == "guided"
        and any(
            known and not _trace(run, arm, b).exists()
            for known, b in zip(there, batches, strict=True)
        )
    ):
        watcher.note(f"{arm}: batches that were sampled without a trace stay without one")
    for known, indices in zip(there, batches, strict=True):
        part = run.part(arm, indices[0])
        if known:  # one that is damaged ends the run here, not after hours
            lost += sum(g.structure is None for g in run.read_part(part, arm, indices))
        else:
            cost = _sample(run, model, arm, indices, device, heights, trace_every, watcher)
            lost += int(cost["diverged"])
            run.manifest["batches"][part.stem] = cost
            run.manifest["sampling"] = _sums(run.manifest["batches"], run.arms)
            with writing(run.path):
                run.save()
        watcher.sampling(arm, indices[-1] + 1, sample.count, None)
    watcher.note(_ending(arm, lost, sample.count, run.manifest.get("sampling", {}).get(arm)))


def _sample(
    run: RunFolder,
    model: Any,
    arm: Arm,
    indices: range,
    device: str,
    heights: Heights | None,
    trace_every: int | None,
    watcher: Watcher,
) -> dict[str, float]:
    """Sample one batch into its part, with its trace where that is asked for. What it cost, for the
    manifest.
    """
    from scoutlang.sampling.generate import generate

    program = run.program
    recorder = None if trace_every is None else Recorder(arm, indices, trace_every)
    terms = guiding_terms(program)
    evaluations: dict[tuple[int, ...], int] = {}

    def on_step(progress: Progress) -> None:
        evaluations[progress.indices] = progress.evaluations
        moment = Moment(terms, progress)
        if recorder is not None:
            recorder.record(moment)
        watcher.sampling(arm, indices[0], program.sample.count, moment)

    started = time.monotonic()
    sampled = generate(
        program, model, arm, indices, device=device, above_hull=heights, on_step=on_step
    )
    seconds = time.monotonic() - started
    rows = recorder.table() if recorder is not None else None
    with writing(run.path):
        # the part comes last: it says that the batch is finished
        if rows is not None:
            write_trace(_trace(run, arm, indices), rows)
        run.write_part(arm, sampled)
    return {
        "structures": len(sampled),
        "seconds": round(seconds, 3),
        "evaluations": sum(evaluations.values()),
        "diverged": sum(s.failure is not None for s in sampled),
    }


def _sums(batches: dict[str, dict[str, float]], arms: Sequence[Arm]) -> dict[str, dict[str, float]]:
    """What the batches of each arm cost together; those that an older version sampled are not
    known.
    """
    known = {
        arm: [cost for name, cost in batches.items() if name.rpartition("-")[0] == arm]
        for arm in arms
    }
    return {
        arm: {key: round(sum(c[key] for c in costs), 3) for key in costs[0]}
        for arm, costs in known.items()
        if costs
    }


def _ending(arm: Arm, lost: int, count: int, cost: dict[str, float] | None) -> str:
    """``guided: 128 structures in 41 s (3.12 structures/s); 3 of 128 structures diverged``."""
    parts = []
    if cost is not None:
        rate = cost["structures"] / max(cost["seconds"], 1e-9)
        parts.append(
            f"{cost['structures']:.0f} structures in {cost['seconds']:.0f} s ({rate:.2f} structures/s)"
        )
    if lost or cost is None:
        parts.append(f"{lost} of {count} structures diverged")
    return f"{arm}: {'; '.join(parts)}"


def _batches(count: int, size: int) -> list[range]:
    """The indices of an arm, batch by batch."""
    return [range(first, min(first + size, count)) for first in range(0, count, size)]


def _trace(run: RunFolder, arm: Arm, indices: range) -> Path:
    return run.path / TRACE / f"{arm}-{indices[0]:06d}.parquet"


def _claim(path: Path, program: Program, arms: Sequence[Arm], resume: bool) -> RunFolder | None:
    """Make the folder ours before any work is done. The run that goes on, or None for a new one."""
    if resume and (path / MANIFEST).is_file():
        return _same_run(path, program, arms)
    with writing(path):
        claim(path)
        RunFolder(path, manifest(program, arms)).save()
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


def _same_run(path: Path, program: Program, arms: Sequence[Arm]) -> RunFolder:
    try:
        found = RunFolder.open(path)
    except ScoutError as error:
        raise ScoutError("E603", error.message, error.hint) from error
    if found.manifest.get("digest") != program.digest() or found.arms != tuple(arms):
        raise ScoutError(
            "E603",
            f"{path} holds a run of another program or with other settings{_differences(found, program, arms)}",
            "resume with the same program and options, or choose --out",
        )
    return found


def _differences(found: RunFolder, program: Program, arms: Sequence[Arm]) -> str:
    """``: steps 250 there, 20 here``; nothing where the statements differ and not the settings."""
    there = {
        **found.manifest.get("guide", {}),
        **found.manifest["sample"],
        "arms": list(found.arms),
    }
    here = {**program.guide.to_data(), **program.sample.to_data(), "arms": list(arms)}
    said = [
        f"{name} {there[name]} there, {here[name]} here"
        for name in here
        if name in there and there[name] != here[name]
    ]
    return f": {'; '.join(said)}" if said else ""


@contextmanager
def _marking_interruption(run: RunFolder) -> Iterator[None]:
    try:
        yield
    except BaseException:
        run.manifest["status"] = "interrupted"
        # what ended the run is the message, not that this could not be noted
        with suppress(OSError):
            run.save()
        raise
