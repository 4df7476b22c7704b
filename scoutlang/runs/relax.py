"""A finished run, relaxed: its structures follow `minimise`, are judged again by the same pipeline,
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

from pydantic import ValidationError

from scoutlang.crystals.io import plain_structure
from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import ARMS, Arm
from scoutlang.potentials import Potential
from scoutlang.runs.folder import RunFolder, writing
from scoutlang.runs.judge import judged_by
from scoutlang.runs.manifest import Facts, PotentialIdentity
from scoutlang.runs.minimise import RHO, STEPS, Objective, Relaxed, claims_loss, relax_one
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import read_json, write_json
from scoutlang.support.version import __version__
from scoutlang.validation.outputs import write_outputs
from scoutlang.validation.pipeline import Validation, validate
from scoutlang.validation.reference import load as load_reference
from scoutlang.validation.stages import Progress

FOLDER = "relaxed"
SETTINGS = "relaxed.json"

Line = dict[str, Any]
"""One structure in ``relaxed_structures-ARM.jsonl``: its index, and the fields of `Relaxed`."""


class Settings(Facts):
    """``relaxed.json``."""

    about: str
    """A sentence for people."""
    scoutlang: str
    digest: str
    """Of the run's program."""
    steps: int
    rho: float
    """eV/atom."""
    potential: PotentialIdentity
    """By which it is relaxed and judged."""


@dataclass(frozen=True)
class RelaxedRun:
    """A run as sampled and relaxed, both judged alike."""

    folder: Path
    before: Validation
    after: Validation
    structures: Mapping[Arm, Mapping[int, Relaxed]]
    """By arm and index."""
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
    before and after. rho: eV/atom.

    What an earlier call with the same settings has relaxed is not done again.
    Raises ScoutError: E610 no finished run, E612 relaxed before with other settings or damaged,
    E602 the folder cannot be written, E604.
    """
    run = RunFolder.open(folder)
    sampled = _sampled(run, arms)
    reference = load_reference(judged_by(run, "reference"))
    objective = Objective(potential, claims_loss(run.program), rho)
    target = run.path / FOLDER
    with writing(target, "free space and run it again"):
        _claim(target, run, potential, steps, rho)
        structures = {
            arm: _relax_arm(target, arm, some, objective, steps, progress)
            for arm, some in sampled.items()
        }
        before = [g for some in sampled.values() for g in some]
        after = [
            replace(g, structure=structures[arm][g.index].structure)
            for arm, some in sampled.items()
            for g in some
        ]
        judged = [
            validate(run.program, some, potential=potential, reference=reference, progress=progress)
            for some in (before, after)
        ]
        files = [
            path.rename(target / _name(path.name)) for path in write_outputs(target, judged[1])
        ]
    return RelaxedRun(target, judged[0], judged[1], structures, (target / SETTINGS, *files))


def as_line(index: int, relaxed: Relaxed) -> Line:
    """As the file has it."""
    structure = relaxed.structure and relaxed.structure.as_dict()
    return {"index": index, **relaxed.__dict__, "structure": structure}


def _sampled(run: RunFolder, arms: Sequence[Arm]) -> dict[Arm, list[Specimen]]:
    """The structures of those arms that the run has. Raises ScoutError E610 unless it is whole."""
    resume = "finish it with `scout run … --resume`"
    if not run.finished:
        raise ScoutError("E610", f"the run in {run.path} is not finished", resume)
    chosen = [arm for arm in ARMS if arm in arms and arm in run.arms]
    if not chosen:
        raise ScoutError(
            "E610",
            f"the run in {run.path} has no arm {' or '.join(arms)}",
            f"it has {' and '.join(run.arms)}",
        )
    sampled = {arm: run.generated([arm]) for arm in chosen}
    whole = all(len(some) >= run.program.sample.count for some in sampled.values())
    if not whole and run.manifest.given is None:
        raise ScoutError("E610", f"structures of the run in {run.path} are missing", resume)
    return sampled


def _claim(target: Path, run: RunFolder, potential: Potential, steps: int, rho: float) -> None:
    """Make the folder for these settings, which it remembers. Raises ScoutError E612."""
    settings = Settings(
        about=f"structures relaxed for at most {steps} steps of E/n + (rho/2) loss^2; those as "
        "sampled are in the folder above",
        scoutlang=__version__,
        digest=run.program.digest(),
        steps=steps,
        rho=rho,
        potential=PotentialIdentity.model_validate(potential),
    )
    file = target / SETTINGS
    if not file.exists():
        target.mkdir(exist_ok=True)
        write_json(file, settings.model_dump())
        return
    try:
        earlier = Settings.model_validate(read_json(file, 1 << 20))
        compared = {"steps", "rho", "potential"}
        same = earlier.model_dump(include=compared) == settings.model_dump(include=compared)
    except (ValidationError, ValueError):
        same = False
    if not same:
        raise ScoutError(
            "E612",
            f"{target} holds a relaxation with other settings",
            "give the same ones, or move that folder away",
        )


def _relax_arm(
    target: Path,
    arm: Arm,
    generated: Sequence[Specimen],
    objective: Objective,
    steps: int,
    progress: Progress | None,
) -> dict[int, Relaxed]:
    """By index, the structures of an arm: those that its file has, then the others, a line each as
    they are done.
    """
    file = target / f"relaxed_structures-{arm}.jsonl"
    found = _read(file, generated)
    with file.open("a", encoding="utf-8") as lines:
        for sample in generated[len(found) :]:
            if progress:
                progress(f"relax {arm}", len(found), len(generated))
            relaxed = (
                Relaxed(None, reason=sample.failure or "not sampled")
                if sample.structure is None
                else relax_one(sample.structure, objective, steps=steps)
            )
            lines.write(json.dumps(as_line(sample.index, relaxed), ensure_ascii=False) + "\n")
            lines.flush()
            found[sample.index] = relaxed
    if progress:
        progress(f"relax {arm}", len(found), len(generated))
    return found


def _read(file: Path, generated: Sequence[Specimen]) -> dict[int, Relaxed]:
    """What was relaxed already. A line that an interruption cut off is taken out of the file.
    Raises ScoutError E612 where the lines are not of these structures.
    """
    if not file.exists():
        return {}
    text = file.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        os.truncate(file, len(whole.encode()))
    try:
        found = dict(_relaxed(json.loads(line)) for line in whole.splitlines())
        if list(found) != [g.index for g in generated[: len(found)]]:
            raise ValueError("other structures")
    except Exception as error:  # pymatgen raises errors of many types for a damaged structure
        raise ScoutError(
            "E612", f"{file} is damaged", "delete that file: its structures will be relaxed again"
        ) from error
    return found


def _relaxed(line: Line) -> tuple[int, Relaxed]:
    structure = line.pop("structure")
    structure = None if structure is None else plain_structure(structure)
    return line.pop("index"), Relaxed(structure, **line)


def _name(name: str) -> str:
    """``records.csv`` → ``relaxed_records.csv``, ``generated_crystals.extxyz`` →
    ``relaxed_crystals.extxyz``.
    """
    return f"relaxed_{name.removeprefix('generated_')}"
