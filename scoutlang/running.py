"""One run: program + settings + seed → a folder with samples, records and a manifest.

A run folder grows in whole files only: each sampled batch is a file of its own, so an interrupted run loses at most the batch it was working
on and goes on from there.
"""

from __future__ import annotations

import json
import platform
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
from scoutlang.errors import ScoutError
from scoutlang.files import write_whole
from scoutlang.ir import Arm, Program
from scoutlang.memory import keep_freed_memory
from scoutlang.potentials import load as load_potential
from scoutlang.validation.pipeline import Validation, validate
from scoutlang.validation.record import Generated
from scoutlang.validation.reference import load as load_reference

MANIFEST = "run.json"
SAMPLES = "samples"
ARMS: tuple[Arm, ...] = ("non-guided", "guided")
_PACKAGES = ("torch", "mattergen", "pymatgen", "chgnet", "numpy", "scipy", "statsmodels", "lark", "pydantic")


class Watcher(Protocol):
    """Whoever shows the progress of a run. Every method may be called often and must be quick."""

    def note(self, text: str) -> None:
        """One line that the user should see."""

    def sampling(self, arm: Arm, done: int, total: int, step: int, steps: int, loss: float | None) -> None:
        """``done`` of ``total`` structures of an arm are finished; the current batch is at ``step`` of ``steps``; mean loss if guided."""

    def judging(self, stage: str, done: int, total: int) -> None:
        """A validation stage has treated ``done`` of ``total`` structures."""


class Silent:
    """Shows nothing."""

    def note(self, text: str) -> None: ...

    def sampling(self, arm: Arm, done: int, total: int, step: int, steps: int, loss: float | None) -> None: ...

    def judging(self, stage: str, done: int, total: int) -> None: ...


@dataclass(frozen=True)
class RunResult:
    """Where a finished run is, what it found, and the files it wrote."""

    folder: Path
    validation: Validation
    files: tuple[Path, ...]


def run(
    program: Program,
    folder: str | Path,
    *,
    arms: Sequence[Arm] = ARMS,
    resume: bool = False,
    potential: str = "chgnet",
    reference: str = "mp-mini",
    device: str | None = None,
    watcher: Watcher | None = None,
) -> RunResult:
    """Sample the arms, judge them identically, and write everything into ``folder``.

    A program's `sample` and `guide` lines are the settings; ``device`` defaults to CUDA where there is one. With ``resume`` a run that was
    interrupted goes on. Raises ScoutError: E601 the folder exists, E602 it cannot be written, E603 it holds another run; model errors E5xx.
    """
    watcher, folder = watcher or Silent(), Path(folder)
    keep_freed_memory()
    earlier = _claim(folder, program, arms, resume)
    try:
        return _run(program, folder, tuple(arms), potential, reference, device, watcher, earlier)
    except ScoutError:
        if earlier is None:
            _give_back(folder)
        raise
    except OSError as error:
        raise ScoutError(
            "E602", f"cannot write into {folder}: {error.strerror or error}", "free space or choose another folder with --out"
        ) from error


def _run(
    program: Program,
    folder: Path,
    arms: tuple[Arm, ...],
    potential_name: str,
    reference_name: str,
    device: str | None,
    watcher: Watcher,
    earlier: dict[str, Any] | None,
) -> RunResult:
    # heavy imports wait until the folder is known to be good
    import torch

    from scoutlang.sampling.backends.mattergen.checkpoint import load_model
    from scoutlang.sampling.generate import check_model, generate
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
        "seconds": {},
    }
    if earlier is not None:
        if earlier.get("model", manifest["model"]) != manifest["model"]:
            raise ScoutError(
                "E603", f"{folder} was begun with other weights of the model '{model.name}'", "resume with those weights, or choose --out"
            )
        manifest |= {key: earlier[key] for key in ("started", "seconds") if key in earlier}
    _write_json(folder / MANIFEST, manifest)

    generated: list[Generated] = []
    with _marking_interruption(folder, manifest):
        for arm in arms:
            started, fresh = time.monotonic(), 0
            total = program.sample.count
            for first in range(0, total, program.sample.batch):
                indices = range(first, min(first + program.sample.batch, total))
                part = folder / SAMPLES / f"{arm}-{first:06d}.json"
                if not part.exists():

                    def on_step(p: Any, arm: Arm = arm, first: int = first, total: int = total) -> None:
                        loss = None if p.guided is None else float(p.guided.value.total.nanmean())
                        watcher.sampling(arm, first, total, p.step, p.steps, loss)

                    sampled = generate(program, model, arm, indices, device=device, on_step=on_step)
                    _write_json(
                        part,
                        [{"index": s.index, "structure": s.structure and s.structure.as_dict(), "failure": s.failure} for s in sampled],
                    )
                    fresh += len(sampled)
                generated.extend(_read_part(part, arm, program.sample.seed, indices))
                watcher.sampling(arm, indices[-1] + 1, total, program.sample.steps, program.sample.steps, None)
            seconds = time.monotonic() - started
            if fresh:
                manifest["seconds"][arm] = {"sampling": round(seconds, 2), "structures": fresh}
                watcher.note(f"{arm}: {fresh} structures in {seconds:.0f} s ({fresh / seconds:.2f} structures/s)")
        started = time.monotonic()
        validation = validate(program, generated, potential=potential, reference=reference, progress=watcher.judging)
        manifest["seconds"]["validation"] = round(time.monotonic() - started, 2)
        files = write_outputs(folder, validation)
    manifest["status"] = "finished"
    _write_json(folder / MANIFEST, manifest)
    return RunResult(folder, validation, (folder / MANIFEST, *files))


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
        _write_json(folder / MANIFEST, manifest)
        raise


def _manifest(program: Program, arms: Sequence[Arm]) -> dict[str, Any]:
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
    generated: list[Generated] = []
    for first in range(0, sample["count"], sample["batch"]):
        indices = range(first, min(first + sample["batch"], sample["count"]))
        generated.extend(_read_part(Path(folder) / SAMPLES / f"{arm}-{first:06d}.json", arm, sample["seed"], indices))
    return generated


def _read_part(file: Path, arm: Arm, seed: int, indices: Sequence[int]) -> list[Generated]:
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
        if [row["index"] for row in rows] != list(indices):
            raise ValueError("not the structures of this batch")
        return [
            Generated(arm, seed, row["index"], row["structure"] and Structure.from_dict(row["structure"]), row["failure"]) for row in rows
        ]
    except OSError:
        raise
    except Exception as error:  # pymatgen raises errors of many types for a damaged structure
        raise ScoutError(
            "E604", f"{file} is damaged", "delete that file and run again with --resume: its structures will be made anew"
        ) from error


def _write_json(file: Path, data: Any) -> None:
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    write_whole(file, lambda path: path.write_text(text, encoding="utf-8"))
