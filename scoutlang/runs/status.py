"""How far a run is, from what is in its folder: whoever works on it, and wherever. Reads names of
files, not structures.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scoutlang.ir import ARMS, Arm
from scoutlang.runs import relaxed
from scoutlang.runs.folder import RunFolder, holder
from scoutlang.support.errors import ScoutError
from scoutlang.validation.outputs import RECORDS_CSV


@dataclass(frozen=True)
class Part:
    """A part of the work: structures that are done, of so many."""

    name: str
    """``sample guided``, ``relax energy, guided``."""
    done: int
    total: int


@dataclass(frozen=True)
class Status:
    """How far a run is."""

    folder: Path
    status: str
    """``running`` while somebody works on it, ``interrupted``, ``finished``; ``stopped`` where the
    one who worked on it has died.
    """
    held_by: str
    """Who works on it; empty if nobody."""
    parts: tuple[Part, ...]
    judged: bool
    """Whether it was judged as it is sampled."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"folder": str(self.folder)}


def status_of(run: RunFolder) -> Status:
    """Raises ScoutError E612 where a relaxation in the folder is damaged."""
    by = holder(run.path)
    now: str = "running" if by else run.manifest.status
    if now == "running" and not by:
        now = "stopped"
    parts = [
        Part(f"sample {arm}", _sampled(run, arm), run.program.sample.count) for arm in run.arms
    ]
    for name in relaxed.names(run.path):
        recipe = relaxed.read_recipe(run.path / relaxed.FOLDER / name)
        for arm in (arm for arm in ARMS if arm in recipe.starts):
            parts.append(
                Part(
                    f"relax {name}, {arm}",
                    relaxed.treated(run.path / relaxed.FOLDER / name, arm, _count(run, arm)),
                    _count(run, arm),
                )
            )
    return Status(run.path, now, by, tuple(parts), (run.path / RECORDS_CSV).is_file())


def _count(run: RunFolder, arm: Arm) -> int:
    given = run.manifest.given
    return run.program.sample.count if given is None else given.get(arm, 0)


def _sampled(run: RunFolder, arm: Arm) -> int:
    if run.manifest.given is not None:
        return _count(run, arm)
    count, size = run.program.sample.count, run.program.sample.batch
    return sum(
        min(size, count - first) for first in range(0, count, size) if run.part(arm, first).exists()
    )


def statuses(folders: list[Path]) -> list[Status | ScoutError]:
    """Of several runs; one whose folder cannot be read is its error."""
    found: list[Status | ScoutError] = []
    for folder in folders:
        try:
            found.append(status_of(RunFolder.open(folder)))
        except ScoutError as error:
            found.append(error)
    return found
