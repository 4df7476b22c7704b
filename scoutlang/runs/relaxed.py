"""A finished run, relaxed: its structures follow `relaxing`, are judged again by the same pipeline,
and are written beside the sampled ones.

Everything is in ``relaxed/`` inside of the run's folder, and every file there says in its name that
it is about relaxed structures. Each structure is written as soon as it is relaxed, so an
interrupted relaxation goes on where it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scoutlang.crystals.io import plain_structure
from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import Arm
from scoutlang.potentials import Potential
from scoutlang.runs.folder import ARMS, RunFolder
from scoutlang.runs.judge import judged_by
from scoutlang.runs.relax import RHO, STEPS, Objective, Relaxed, claims_loss, relax_one
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import write_whole
from scoutlang.support.version import __version__
from scoutlang.validation import Validation, validate, write_outputs
from scoutlang.validation.reference import load as load_reference
from scoutlang.validation.stages import Progress

FOLDER = "relaxed"
SETTINGS = "relaxed.json"


@dataclass(frozen=True)
class Outcome:
    """One structure of the run after relaxation, as its line in ``relaxed_structures-ARM.jsonl``
    has it.

    structure: as a dictionary of pymatgen; None where sampling gave none. energy in eV/atom and
    loss, before and after; None where they have no value. reason: why the relaxation ended early.
    """

    index: int
    structure: Mapping[str, Any] | None
    steps: int = 0
    converged: bool = False
    reason: str = ""
    energy_before: float | None = None
    energy_after: float | None = None
    loss_before: float | None = None
    loss_after: float | None = None


@dataclass(frozen=True)
class RelaxedRun:
    """The run as sampled and relaxed, both judged alike; what became of each structure, by arm; the
    files.
    """

    folder: Path
    before: Validation
    after: Validation
    outcomes: Mapping[Arm, Sequence[Outcome]]
    files: tuple[Path, ...]


def relax_run(
    folder: str | Path,
    potential: Potential,
    *,
    arms: Sequence[Arm] = ARMS,
    steps: int = STEPS,
    rho: float = RHO,
    progress: Progress | None = None,
) -> RelaxedRun:
    """Relax the structures of a finished run, of those of the ``arms`` that it has, and judge them
    before and after.

    What an earlier call with the same settings has relaxed is not done again.
    Raises ScoutError: E610 no finished run, E612 relaxed before with other settings or damaged,
    E602 the folder cannot be written, E604.
    """
    run = RunFolder.open(folder)
    folder, program = run.path, run.program
    if not run.finished:
        raise ScoutError(
            "E610", f"the run in {folder} is not finished", "finish it with `scout run … --resume`"
        )
    chosen = [arm for arm in ARMS if arm in arms and arm in run.arms]
    if not chosen:
        raise ScoutError(
            "E610",
            f"the run in {folder} has no arm {' or '.join(arms)}",
            f"it has {' and '.join(run.arms)}",
        )
    reference = load_reference(judged_by(run, "reference"))
    sampled = {arm: run.generated([arm]) for arm in chosen}
    if (
        any(len(some) < program.sample.count for some in sampled.values())
        and "given" not in run.manifest
    ):
        raise ScoutError(
            "E610",
            f"structures of the run in {folder} are missing",
            "finish it with `scout run … --resume`",
        )
    try:
        target = _claim(folder / FOLDER, run.manifest["digest"], potential, steps, rho)
        objective = Objective(potential, claims_loss(program), rho)
        outcomes = {
            arm: _relax_arm(
                target / f"relaxed_structures-{arm}.jsonl",
                generated,
                objective,
                steps,
                arm,
                progress,
            )
            for arm, generated in sampled.items()
        }
        before = [g for arm in chosen for g in sampled[arm]]
        after = [
            _relaxed(g, o)
            for arm in chosen
            for g, o in zip(sampled[arm], outcomes[arm], strict=True)
        ]
        judged = [
            validate(program, some, potential=potential, reference=reference, progress=progress)
            for some in (before, after)
        ]
        files = [
            path.rename(target / _name(path.name)) for path in write_outputs(target, judged[1])
        ]
    except OSError as error:
        raise ScoutError(
            "E602",
            f"cannot write into {folder / FOLDER}: {error.strerror or error}",
            "free space and run it again",
        ) from error
    return RelaxedRun(target, judged[0], judged[1], outcomes, (target / SETTINGS, *files))


def _claim(target: Path, digest: str, potential: Potential, steps: int, rho: float) -> Path:
    """The folder for these settings, which it remembers."""
    settings = {
        "about": f"structures relaxed for at most {steps} steps of E/n + (rho/2) loss^2; those as sampled are in the folder above",
        "scoutlang": __version__,
        "digest": digest,
        "steps": steps,
        "rho": rho,
        "potential": {
            "name": potential.name,
            "version": potential.version,
            "weights_sha256": potential.weights_sha256,
        },
    }
    file = target / SETTINGS
    if file.exists():
        try:
            same = {
                **json.loads(file.read_text(encoding="utf-8")),
                "about": "",
                "scoutlang": "",
            } == {
                **settings,
                "about": "",
                "scoutlang": "",
            }
        except (ValueError, TypeError):
            same = False
        if not same:
            raise ScoutError(
                "E612",
                f"{target} holds a relaxation with other settings",
                "give the same ones, or move that folder away",
            )
        return target
    target.mkdir(exist_ok=True)
    text = json.dumps(settings, indent=1, ensure_ascii=False) + "\n"
    write_whole(file, lambda path: path.write_text(text, encoding="utf-8"))
    return target


def _relax_arm(
    file: Path,
    generated: Sequence[Specimen],
    objective: Objective,
    steps: int,
    arm: Arm,
    progress: Progress | None,
) -> list[Outcome]:
    """The outcomes of an arm: those that the file has, then the others, a line each as they are
    done.
    """
    outcomes = _read(file, generated)
    with file.open("a", encoding="utf-8") as lines:
        for sample in generated[len(outcomes) :]:
            if progress:
                progress(f"relax {arm}", len(outcomes), len(generated))
            outcome = Outcome(sample.index, None, reason=sample.failure or "not sampled")
            if sample.structure is not None:
                outcome = _outcome(
                    sample.index, relax_one(sample.structure, objective, steps=steps)
                )
            lines.write(json.dumps(outcome.__dict__, ensure_ascii=False) + "\n")
            lines.flush()
            outcomes.append(outcome)
    if progress:
        progress(f"relax {arm}", len(outcomes), len(generated))
    return outcomes


def _outcome(index: int, found: Relaxed) -> Outcome:
    outcome = Outcome(index, found.structure.as_dict(), found.steps, found.converged, found.reason)
    if found.before is None or found.after is None:
        return outcome
    return replace(
        outcome,
        energy_before=found.before.energy,
        energy_after=found.after.energy,
        loss_before=found.before.loss,
        loss_after=found.after.loss,
    )


def _read(file: Path, generated: Sequence[Specimen]) -> list[Outcome]:
    """What was relaxed already. A line that an interruption cut off is taken out of the file."""
    if not file.exists():
        return []
    text = file.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        os.truncate(file, len(whole.encode()))
    try:
        outcomes = [Outcome(**json.loads(line)) for line in whole.splitlines()]
        if [o.index for o in outcomes] != [g.index for g in generated[: len(outcomes)]]:
            raise ValueError("other structures")
    except (ValueError, TypeError) as error:
        raise ScoutError(
            "E612", f"{file} is damaged", "delete that file: its structures will be relaxed again"
        ) from error
    return outcomes


def _relaxed(sample: Specimen, outcome: Outcome) -> Specimen:
    structure = None if outcome.structure is None else plain_structure(outcome.structure)
    return replace(sample, structure=structure)


def _name(name: str) -> str:
    """``records.csv`` → ``relaxed_records.csv``, ``generated_crystals.extxyz`` →
    ``relaxed_crystals.extxyz``.
    """
    return f"relaxed_{name.removeprefix('generated_')}"
