"""One run: program + settings + seed → a folder with samples, records and a manifest.

A run folder grows in whole files only: each sampled batch is a file of its own, so an interrupted run loses at most the batch it was working
on and goes on from there. What a batch cost stands in the manifest under ``batches``, the sums of the arms under ``sampling``, both over all
sessions of the run.
"""

from __future__ import annotations

import json
import platform
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

from pymatgen.core import Structure

import scoutlang
from scoutlang.descriptors import origin
from scoutlang.errors import ScoutError
from scoutlang.expressions import measures
from scoutlang.files import write_whole
from scoutlang.ir import Arm, Program
from scoutlang.memory import keep_freed_memory
from scoutlang.potentials import load as load_potential
from scoutlang.sampling.progress import Progress
from scoutlang.tracing import TRACE, Moment, Recorder, guiding_terms, write_trace
from scoutlang.validation.heights import Heights
from scoutlang.validation.pipeline import Validation, validate
from scoutlang.validation.record import Generated
from scoutlang.validation.reference import load as load_reference
from scoutlang.validation.terms import Hardest, TermSummary, find_hardest, summarize_terms

MANIFEST = "run.json"
SAMPLES = "samples"
ARMS: tuple[Arm, ...] = ("non-guided", "guided")
_PACKAGES = ("torch", "mattergen", "pymatgen", "chgnet", "numpy", "scipy", "statsmodels", "lark", "pydantic")


class Watcher(Protocol):
    """Whoever shows the progress of a run. Every method may be called often and must be quick."""

    def note(self, text: str) -> None:
        """One line that the user should see."""

    def sampling(self, arm: Arm, done: int, total: int, moment: Moment | None) -> None:
        """``done`` of ``total`` structures of an arm are finished; the batch in work after each step, None after its end."""

    def judging(self, stage: str, done: int, total: int) -> None:
        """A validation stage has treated ``done`` of ``total`` structures."""


class Silent:
    """Shows nothing."""

    def note(self, text: str) -> None: ...

    def sampling(self, arm: Arm, done: int, total: int, moment: Moment | None) -> None: ...

    def judging(self, stage: str, done: int, total: int) -> None: ...


@dataclass(frozen=True)
class RunResult:
    """Where a finished run is, what it found, of the whole and of each term, and the files it wrote."""

    folder: Path
    validation: Validation
    files: tuple[Path, ...]
    terms: tuple[TermSummary, ...]
    hardest: Hardest | None


def run(
    program: Program,
    folder: str | Path,
    *,
    arms: Sequence[Arm] = ARMS,
    resume: bool = False,
    potential: str = "chgnet",
    reference: str = "mp-mini",
    device: str | None = None,
    trace_every: int | None = None,
    watcher: Watcher | None = None,
) -> RunResult:
    """Sample the arms, judge them identically, and write everything into ``folder``.

    A program's `sample` and `guide` lines are the settings; ``device`` defaults to CUDA where there is one. With ``resume`` a run that was
    interrupted goes on. ``trace_every`` n records every n-th guided step (`tracing`) and draws the losses.
    Raises ScoutError: E601 the folder exists, E602 it cannot be written, E603 it holds another run; model errors E5xx.
    """
    watcher, folder = watcher or Silent(), Path(folder)
    keep_freed_memory()
    earlier = _claim(folder, program, arms, resume)
    try:
        return _run(program, folder, tuple(arms), potential, reference, device, trace_every, watcher, earlier)
    except ScoutError:
        if earlier is None:
            _give_back(folder)
        raise


def _run(
    program: Program,
    folder: Path,
    arms: tuple[Arm, ...],
    potential_name: str,
    reference_name: str,
    device: str | None,
    trace_every: int | None,
    watcher: Watcher,
    earlier: dict[str, Any] | None,
) -> RunResult:
    # heavy imports wait until the folder is known to be good
    import torch

    from scoutlang.sampling.backends.mattergen.checkpoint import load_model
    from scoutlang.sampling.generate import check_model
    from scoutlang.validation.outputs import write_outputs

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    watcher.note(f"loading the model '{program.sample.model}' ({device})")
    model = load_model(program.sample.model, device)
    check_model(program, model)
    potential, reference = load_potential(potential_name), load_reference(reference_name)
    manifest = _manifest(program, arms) | {
        "device": device,
        "model": {
            "name": model.name,
            "weights_sha256": model.weights_sha256,
            "config_sha256": model.config_sha256,
        },
        "potential": {"name": potential.name, "version": potential.version, "weights_sha256": potential.weights_sha256},
        "reference": {"name": reference.name, "version": reference.version},
        "trace_every": trace_every,
        "batches": {},
    }
    if earlier is not None:
        if earlier.get("model", manifest["model"]) != manifest["model"]:
            raise ScoutError(
                "E603", f"{folder} was begun with other weights of the model '{model.name}'", "resume with those weights, or choose --out"
            )
        manifest |= {key: earlier[key] for key in ("started", "batches", "sampling") if key in earlier}
    with _writing(folder):
        _write_json(folder / MANIFEST, manifest)

    generated: list[Generated] = []
    heights = Heights.asked(program, potential, reference) if "guided" in arms else None
    with _marking_interruption(folder, manifest):
        for arm in arms:
            batches = _batches(program.sample.count, program.sample.batch)
            if trace_every and any(
                _part(folder, arm, b).exists() and not _trace(folder, arm, b).exists() for b in batches if arm == "guided"
            ):
                watcher.note(f"{arm}: batches that were sampled without a trace stay without one")
            for indices in batches:
                part = _part(folder, arm, indices)
                if not part.exists():
                    manifest["batches"][part.stem] = _sample(
                        program, folder, model, arm, indices, device, heights if arm == "guided" else None, trace_every, watcher
                    )
                    manifest["sampling"] = _sums(manifest["batches"], arms)
                    with _writing(folder):
                        _write_json(folder / MANIFEST, manifest)
                generated.extend(_read_part(part, arm, program.sample.seed, indices))
                watcher.sampling(arm, indices[-1] + 1, program.sample.count, None)
            watcher.note(_ending(arm, [g for g in generated if g.arm == arm], manifest.get("sampling", {}).get(arm)))
        started = time.monotonic()
        validation = validate(program, generated, potential=potential, reference=reference, progress=watcher.judging)
        manifest["validation"] = {"structures": len(generated), "seconds": round(time.monotonic() - started, 2)}
        with _writing(folder):
            files = [*write_outputs(folder, validation), *_draw(folder, program, validation)]
    manifest["status"] = "finished"
    with _writing(folder):
        _write_json(folder / MANIFEST, manifest)
    terms, hardest = summarize_terms(program, validation.records), find_hardest(program, validation.records)
    return RunResult(folder, validation, (folder / MANIFEST, *files), terms, hardest)


def _sample(
    program: Program,
    folder: Path,
    model: Any,
    arm: Arm,
    indices: range,
    device: str,
    heights: Heights | None,
    trace_every: int | None,
    watcher: Watcher,
) -> dict[str, float]:
    """Sample one batch into its part, with its trace where that is asked for. What it cost, for the manifest."""
    from scoutlang.sampling.generate import generate

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
    sampled = generate(program, model, arm, indices, device=device, above_hull=heights, on_step=on_step)
    seconds = time.monotonic() - started
    rows = recorder.table() if recorder is not None else None
    with _writing(folder):
        # the part comes last: it says that the batch is finished
        if rows is not None:
            write_trace(_trace(folder, arm, indices), rows)
        _write_json(
            _part(folder, arm, indices),
            [
                {"index": s.index, "structure": s.structure and s.structure.as_dict(), "failure": s.failure, "ancestor": s.ancestor}
                for s in sampled
            ],
        )
    return {
        "structures": len(sampled),
        "seconds": round(seconds, 3),
        "evaluations": sum(evaluations.values()),
        "diverged": sum(s.failure is not None for s in sampled),
    }


def _sums(batches: dict[str, dict[str, float]], arms: Sequence[Arm]) -> dict[str, dict[str, float]]:
    """What the batches of each arm cost together; those that an older version sampled are not known."""
    known = {arm: [cost for name, cost in batches.items() if name.rpartition("-")[0] == arm] for arm in arms}
    return {arm: {key: round(sum(c[key] for c in costs), 3) for key in costs[0]} for arm, costs in known.items() if costs}


def _ending(arm: Arm, generated: Sequence[Generated], cost: dict[str, float] | None) -> str:
    """``guided: 128 structures in 41 s (3.12 structures/s); 3 of 128 structures diverged``."""
    parts = []
    if cost is not None:
        rate = cost["structures"] / max(cost["seconds"], 1e-9)
        parts.append(f"{cost['structures']:.0f} structures in {cost['seconds']:.0f} s ({rate:.2f} structures/s)")
    lost = sum(g.structure is None for g in generated)
    if lost or cost is None:
        parts.append(f"{lost} of {len(generated)} structures diverged")
    return f"{arm}: {'; '.join(parts)}"


def _draw(folder: Path, program: Program, validation: Validation) -> list[Path]:
    """The picture of the trace and the trace itself, where there is one."""
    if not (folder / TRACE).is_dir():
        return []
    from scoutlang.trace_plot import draw_trace

    hits = {arm.arm: arm.hits.fraction for arm in validation.table().arms}
    return [folder / TRACE, draw_trace(folder, program, hits)]


def _batches(count: int, size: int) -> list[range]:
    """The indices of an arm, batch by batch."""
    return [range(first, min(first + size, count)) for first in range(0, count, size)]


def _part(folder: Path, arm: Arm, indices: range) -> Path:
    return folder / SAMPLES / f"{arm}-{indices[0]:06d}.json"


def _trace(folder: Path, arm: Arm, indices: range) -> Path:
    return folder / TRACE / f"{arm}-{indices[0]:06d}.parquet"


def _claim(folder: Path, program: Program, arms: Sequence[Arm], resume: bool) -> dict[str, Any] | None:
    """Make the folder ours before any work is done. The manifest of the run that goes on, or None for a new one."""
    try:
        if resume and (folder / MANIFEST).is_file():
            return _same_run(folder, program, arms)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ScoutError(
                "E601", f"{folder} exists and is not empty", "choose another folder with --out, or continue that run with --resume"
            )
        (folder / SAMPLES).mkdir(parents=True, exist_ok=True)
        _write_json(folder / MANIFEST, _manifest(program, arms))
        return None
    except OSError as error:
        raise ScoutError(
            "E602", f"cannot write into {folder}: {error.strerror or error}", "choose a folder that you may write, with --out"
        ) from error


def _give_back(folder: Path) -> None:
    """Remove what `_claim` made when the run failed before its first batch: a wrong model name must not block the folder's name."""
    with suppress(OSError):
        (folder / SAMPLES).rmdir()  # fails, and so ends this, when a batch is there
        shutil.rmtree(folder / TRACE, ignore_errors=True)
        (folder / MANIFEST).unlink()
        folder.rmdir()


def _same_run(folder: Path, program: Program, arms: Sequence[Arm]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        same = found["digest"] == program.digest() and found["arms"] == list(arms)
    except (ValueError, KeyError, TypeError) as error:
        raise ScoutError("E603", f"{folder / MANIFEST} is damaged", "start a new run in another folder") from error
    if not same:
        raise ScoutError(
            "E603",
            f"{folder} holds a run of another program or with other settings",
            "resume with the same program and options, or choose --out",
        )
    return found


@contextmanager
def _marking_interruption(folder: Path, manifest: dict[str, Any]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        manifest["status"] = "interrupted"
        with suppress(OSError):  # what ended the run is the message, not that this could not be noted
            _write_json(folder / MANIFEST, manifest)
        raise


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Only what the disk refuses here is a fault of the folder."""
    try:
        yield
    except OSError as error:
        raise ScoutError(
            "E602", f"cannot write into {folder}: {error.strerror or error}", "free space or choose another folder with --out"
        ) from error


def _manifest(program: Program, arms: Sequence[Arm]) -> dict[str, Any]:
    used = {measure.descriptor for term in program.terms for measure in measures(term.claim)}
    return {
        "scoutlang": scoutlang.__version__,
        "status": "running",
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "source_name": program.source_name,
        "source": program.source_text,
        "digest": program.digest(),
        "language_version": program.language_version,
        "arms": list(arms),
        "guide": program.guide.to_data(),
        "sample": program.sample.to_data(),
        "parameters": {p.name: p.value for p in program.parameters},
        "plugins": {name: package for name in sorted(used) if (package := origin(name))},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def read_samples(folder: str | Path, arm: Arm) -> list[Generated]:
    """The structures of one arm of a finished run, as sampled. Raises ScoutError E604 for a damaged file, OSError for a missing one."""
    sample = json.loads((Path(folder) / MANIFEST).read_text(encoding="utf-8"))["sample"]
    return [
        g
        for indices in _batches(sample["count"], sample["batch"])
        for g in _read_part(_part(Path(folder), arm, indices), arm, sample["seed"], indices)
    ]


def _read_part(file: Path, arm: Arm, seed: int, indices: Sequence[int]) -> list[Generated]:
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
        if [row["index"] for row in rows] != list(indices):
            raise ValueError("not the structures of this batch")
        return [
            Generated(
                arm, seed, row["index"], row["structure"] and Structure.from_dict(row["structure"]), row["failure"], row.get("ancestor")
            )
            for row in rows
        ]
    except FileNotFoundError:
        raise
    except Exception as error:  # pymatgen raises errors of many types for a damaged structure
        raise ScoutError(
            "E604", f"{file} is damaged", "delete that file and run again with --resume: its structures will be made anew"
        ) from error


def _write_json(file: Path, data: Any) -> None:
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    write_whole(file, lambda path: path.write_text(text, encoding="utf-8"))
