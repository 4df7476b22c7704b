"""The structures of a run after relaxing: as they are on disk, and judged.

``relaxed/`` in the run's folder has a folder for each relaxation: ``energy``, by the energy alone;
``constraint``, with the constraint; and for each of the two and every potential that confirms
``energy-NAME`` or ``constraint-NAME``, the candidates relaxed once more by that potential. In each
stand ``relaxed.json``, which says how, a line per structure, and what the validation found.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import ValidationError
from pymatgen.core import Structure

from scoutlang.crystals.io import plain_structure
from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import ARMS, Arm, Program
from scoutlang.potentials import Potential
from scoutlang.runs.manifest import Facts, PotentialIdentity
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import read_json
from scoutlang.validation.pipeline import Validation, validate
from scoutlang.validation.record import Record
from scoutlang.validation.reference import Reference
from scoutlang.validation.stages import Progress
from scoutlang.validation.store import Store

FOLDER = "relaxed"
RECIPE = "relaxed.json"
STAGES = "stages"

Line = dict[str, Any]
"""One structure in ``relaxed_structures-ARM.jsonl``: its index, and the fields of `Relaxed`."""


@dataclass(frozen=True)
class Relaxed:
    """What became of one structure."""

    structure: Structure | None
    """The best geometry that was seen: as it came where not even the first energy could be had,
    None where sampling gave none and where it was not relaxed."""
    steps: int = 0
    """Of the optimiser."""
    converged: bool = False
    reason: str = ""
    """Why it ended early, or was not begun; empty where it converged or took all its steps."""
    energy_before: float | None = None
    """eV/atom; None, as the three below, where not even the first energy could be had."""
    energy_after: float | None = None
    loss_before: float | None = None
    """ℓ, dimensionless."""
    loss_after: float | None = None


class Recipe(Facts):
    """``relaxed.json``: how structures were relaxed."""

    about: str
    """A sentence for people."""
    scoutlang: str
    digest: str
    """Of the run's program."""
    start: Literal["sampled", "energy", "constraint"]
    """The geometry that it began from."""
    which: Literal["promising", "all", "candidates"]
    """The structures that were relaxed."""
    rho: float
    """eV/atom."""
    steps: int
    potential: PotentialIdentity
    """By which it is relaxed."""
    named: str
    """What that potential is loaded by: ``chgnet``, ``mace:FILE``."""


@dataclass(frozen=True)
class Relaxation:
    """The structures of a run, relaxed in one way and judged."""

    name: str
    """Of its folder."""
    folder: Path
    recipe: Recipe
    structures: Mapping[Arm, Mapping[int, Relaxed]]
    """By arm and index."""
    validation: Validation
    """A structure that was not relaxed is in it without a structure, with the reason."""
    potential: Potential
    """That judged it."""

    @property
    def title(self) -> str:
        """``relaxed with the constraint, ρ = 0.5 eV/atom``."""
        return _TITLES[self.recipe.which == "candidates", self.recipe.rho > 0].format(
            rho=self.recipe.rho, potential=self.recipe.potential.name
        )

    @property
    def confirms(self) -> str:
        """The relaxation whose candidates another potential looked at; empty where this is none of
        that kind.
        """
        return self.recipe.start if self.recipe.which == "candidates" else ""

    def relaxed(self, record: Record) -> Relaxed:
        """What became of the structure of a record. Raises KeyError."""
        return self.structures[record.arm][record.generated.index]

    def count(self, arm: Arm) -> int:
        """How many of an arm were relaxed."""
        return sum(one.structure is not None for one in self.structures.get(arm, {}).values())


_TITLES = {
    (False, False): "relaxed by the energy alone",
    (False, True): "relaxed with the constraint, ρ = {rho:g} eV/atom",
    (True, False): "relaxed further by {potential}, by the energy alone",
}


def lines_file(folder: Path, arm: Arm) -> Path:
    return folder / f"relaxed_structures-{arm}.jsonl"


def as_line(index: int, relaxed: Relaxed) -> Line:
    """As the file has it."""
    structure = relaxed.structure and relaxed.structure.as_dict()
    return {"index": index, **relaxed.__dict__, "structure": structure}


def read_lines(file: Path, indices: Sequence[int]) -> dict[int, Relaxed]:
    """What was relaxed already, of structures with these indices. A line that an interruption cut
    off is taken out of the file. Raises ScoutError E612 where the lines are not of these
    structures.
    """
    if not file.exists():
        return {}
    content = file.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        os.truncate(file, len(whole))
    try:
        found = dict(_relaxed(json.loads(line)) for line in whole.splitlines())
        if list(found) != list(indices[: len(found)]):
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


def read_recipe(folder: Path) -> Recipe:
    """Raises ScoutError E612 where it is damaged, FileNotFoundError."""
    try:
        return Recipe.model_validate(read_json(folder / RECIPE, 1 << 20))
    except FileNotFoundError:
        raise
    except (OSError, ValidationError, ValueError) as error:
        raise ScoutError(
            "E612", f"{folder / RECIPE} is damaged", f"move {folder} away, and relax again"
        ) from error


def names(run: Path) -> list[str]:
    """The relaxations that stand in a run's folder: those by the run's own potential first."""
    found = {file.parent.name for file in (run / FOLDER).glob(f"*/{RECIPE}")}
    first = [name for name in ("energy", "constraint") if name in found]
    return [*first, *sorted(found.difference(first))]


def read(run: Path, name: str, sampled: Sequence[Specimen]) -> Mapping[Arm, Mapping[int, Relaxed]]:
    """The structures of a relaxation, arm by arm, as far as they are there. Raises ScoutError
    E612.
    """
    folder = run / FOLDER / name
    found = {}
    for arm in ARMS:
        indices = [one.index for one in sampled if one.arm == arm]
        if indices and (lines := read_lines(lines_file(folder, arm), indices)):
            found[arm] = lines
    return found


def judged_relaxation(
    run: Path,
    name: str,
    program: Program,
    sampled: Sequence[Specimen],
    structures: Mapping[Arm, Mapping[int, Relaxed]],
    potential: Potential,
    reference: Reference,
    progress: Progress | None = None,
) -> Relaxation:
    """The relaxed structures through the validation; what was judged before is not judged again.

    Raises ScoutError E612.
    """
    folder = run / FOLDER / name
    validation = validate(
        program,
        [
            _after(one, structures[one.arm][one.index])
            for one in sampled
            if one.index in structures.get(one.arm, {})
        ],
        potential=potential,
        reference=reference,
        progress=progress,
        store=Store(folder / STAGES),
    )
    return Relaxation(name, folder, read_recipe(folder), structures, validation, potential)


def _after(sampled: Specimen, relaxed: Relaxed) -> Specimen:
    if relaxed.structure is None:
        return replace(sampled, structure=None, failure=relaxed.reason)
    return replace(sampled, structure=relaxed.structure)


def moved(before: Structure, after: Structure) -> float:
    """Å, the largest shift of an atom by which the one became the other, in the cell of the second,
    without the common shift; atoms in the same order, and not wrapped between the two.
    """
    away = (after.frac_coords - before.frac_coords) @ after.lattice.matrix
    return float(np.linalg.norm(away - away.mean(axis=0), axis=1).max())
