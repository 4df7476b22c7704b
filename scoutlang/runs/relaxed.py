"""The structures of a run after relaxing: as they are on disk, and judged.

``relaxed/`` in the run's folder has a folder for each relaxation: ``energy``, by the energy alone;
``constraint``, with the constraint; and for each of the two and every potential that confirms
``energy-NAME`` or ``constraint-NAME``, the candidates relaxed once more by that potential. In each
stand ``relaxed.json``, which says how, files with a line for each of some structures, and what the
validation found.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, ValidationError
from pymatgen.core import Structure

from scoutlang.crystals.formats import plain_structure
from scoutlang.crystals.packed import PackedStructure
from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import ARMS, Arm, Program
from scoutlang.potentials import Potential, structure_hash
from scoutlang.runs.manifest import Count, Facts, PotentialIdentity
from scoutlang.support.engines import Engine
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import read_bounded
from scoutlang.validation.funnel import left_at
from scoutlang.validation.pipeline import Validation, validate
from scoutlang.validation.record import Record
from scoutlang.validation.reference import Reference
from scoutlang.validation.stages import Progress
from scoutlang.validation.store import Store

FOLDER = "relaxed"
RECIPE = "relaxed.json"
STAGES = "stages"
MAX_BYTES = 64 << 20
"""Of a file of lines: 1 000 structures of 20 atoms have a tenth of it."""
_LINES, _FILES = 8, 1024
"""Structures in a file, and about how many files an arm has at most."""


@dataclass(frozen=True)
class Relaxed:
    """What became of one structure."""

    structure: PackedStructure = field(default=PackedStructure())
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


_Energy = Annotated[float, Field(ge=-1e6, le=1e6)] | None
_Loss = Annotated[float, Field(ge=0, le=1e30)] | None


class _Line(Facts):
    """One structure in ``relaxed_structures-ARM-FIRST.jsonl``: its index, and the fields of
    `Relaxed`.
    """

    index: Count
    structure: dict[str, Any] | None
    steps: Count
    converged: bool
    reason: str
    energy_before: _Energy
    energy_after: _Energy
    loss_before: _Loss
    loss_after: _Loss


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
    starts: dict[Arm, str]
    """Arm → SHA-256 of the structures that it began with, for every arm that was asked for."""


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
        """``relaxed with the constraint, ρ = 0.5 eV/atom``; and by what, where another potential
        judges it.
        """
        made = self.recipe.potential
        title = _TITLES[self.recipe.which == "candidates", self.recipe.rho > 0].format(
            rho=self.recipe.rho, potential=made.name
        )
        other = made != PotentialIdentity.model_validate(self.potential)
        return f"{title}, by {made.name}" if other else title

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


def lines_file(folder: Path, arm: Arm, first: int) -> Path:
    """That begins with this index."""
    return folder / f"relaxed_structures-{arm}-{first:06d}.jsonl"


def in_files(starts: Sequence[Specimen]) -> list[Sequence[Specimen]]:
    """The structures of an arm, file by file. It depends on their number only."""
    return [starts[places.start : places.stop] for places in _places(len(starts))]


def treated(folder: Path, arm: Arm, count: int) -> int:
    """How many of so many structures of an arm have their lines: relaxed, or left alone."""
    return sum(
        len(places) for places in _places(count) if lines_file(folder, arm, places.start).exists()
    )


def _places(count: int) -> list[range]:
    size = max(_LINES, -(-count // _FILES))
    return [range(first, min(first + size, count)) for first in range(0, count, size)]


def as_line(index: int, relaxed: Relaxed) -> str:
    """As the file has it."""
    structure = relaxed.structure
    facts = {one.name: getattr(relaxed, one.name) for one in fields(relaxed)}
    line = {"index": index, **facts, "structure": structure and structure.as_dict()}
    return json.dumps(line, ensure_ascii=False) + "\n"


def read_lines(file: Path, starts: Sequence[Specimen]) -> dict[int, Relaxed] | None:
    """What became of these structures, by index; None where the file is not there. Raises
    ScoutError E612 where it is damaged or of other structures.
    """
    try:
        if not file.exists():
            return None
        found = {}
        for text, start in zip(read_bounded(file, MAX_BYTES).splitlines(), starts, strict=True):
            line = _Line.model_validate_json(text)
            if line.index != start.index:
                raise ValueError("other structures")
            facts = line.model_dump(exclude={"index", "structure"})
            structure = None if line.structure is None else plain_structure(line.structure)
            if (
                structure is not None
                and structure.species_and_occu != start.crystal.species_and_occu
            ):
                raise ValueError("other atoms")
            found[line.index] = Relaxed(structure, **facts)
        return found
    except Exception as error:  # pymatgen raises errors of many types for a damaged structure
        raise ScoutError(
            "E612", f"{file} is damaged", "delete that file: its structures will be relaxed again"
        ) from error


def read_one_file(folder: Path, arm: Arm, starts: Sequence[Specimen]) -> dict[int, Relaxed] | None:
    """All structures of an arm as versions before units of work wrote them, in one file; None where
    there is none. Raises ScoutError E612 as `read_lines`.
    """
    return read_lines(folder / f"relaxed_structures-{arm}.jsonl", starts)


def read_recipe(folder: Path) -> Recipe:
    """Raises ScoutError E612 where it is damaged, or not one of a folder of that name."""
    try:
        found = Recipe.model_validate_json(read_bounded(folder / RECIPE, 1 << 20))
        name = (
            confirmation(found.start, found.named)
            if found.which == "candidates"
            else ("constraint" if found.rho > 0 else "energy")
        )
        if name != folder.name or (found.start == "sampled") is (found.which == "candidates"):
            raise ValueError("another relaxation")
    except (OSError, ValidationError, ValueError) as error:
        raise ScoutError(
            "E612", f"{folder / RECIPE} is damaged", f"move {folder} away, and relax again"
        ) from error
    return found


def confirmation(way: str, named: str) -> str:
    """The name of the folder in which another potential looks at the candidates of a way."""
    return f"{way}-{re.sub(r'[^A-Za-z0-9.+-]+', '_', named)}"


def starts_digest(starts: Sequence[Specimen], left: Collection[int] = ()) -> str:
    """SHA-256 of the structures that a relaxation of an arm begins with. left: indices of those
    that it leaves alone because of what they were judged to be.
    """
    what = [
        [one.index, None if one.structure is None else structure_hash(one.structure)]
        for one in starts
        if one.index not in left
    ]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()


def begun_with(found: Relaxation, sampled: Sequence[Specimen]) -> dict[Arm, str]:
    """What a relaxation of the candidates of another one begins with today: `Recipe.starts`."""
    return {
        arm: starts_digest(*candidates(found, arm, [s for s in sampled if s.arm == arm]))
        for arm in found.structures
    }


def candidates(
    found: Relaxation, arm: Arm, sampled: Sequence[Specimen]
) -> tuple[list[Specimen], list[int]]:
    """The structures of an arm as a relaxation has left them, and the indices of those that are no
    candidates.
    """
    starts = [replace(one, structure=found.structures[arm][one.index].structure) for one in sampled]
    lost = [
        record.generated.index
        for record in found.validation.records
        if record.arm == arm and left_at(record) is not None
    ]
    return starts, lost


def names(run: Path) -> list[str]:
    """The relaxations that stand in a run's folder: those by the run's own potential first. Raises
    ScoutError E612.
    """
    if (run / FOLDER).exists() and not (run / FOLDER).is_dir():
        raise ScoutError("E612", f"{run / FOLDER} is no folder", "move it away")
    found = {file.parent.name for file in (run / FOLDER).glob(f"*/{RECIPE}")}
    first = [name for name in ("energy", "constraint") if name in found]
    return [*first, *sorted(found.difference(first))]


def read(
    run: Path, name: str, recipe: Recipe, sampled: Sequence[Specimen]
) -> Mapping[Arm, Mapping[int, Relaxed]] | None:
    """The structures of a relaxation, arm by arm; None where they are not whole. Raises ScoutError
    E612.
    """
    folder = run / FOLDER / name
    found: dict[Arm, dict[int, Relaxed]] = {}
    for arm in (arm for arm in ARMS if arm in recipe.starts):
        starts = [one for one in sampled if one.arm == arm]
        found[arm] = read_one_file(folder, arm, starts) or {}
        if found[arm]:
            continue
        for some in in_files(starts):
            lines = read_lines(lines_file(folder, arm, some[0].index), some)
            if lines is None:
                return None
            found[arm] |= lines
    return found


def judged_relaxation(
    run: Path,
    name: str,
    recipe: Recipe,
    program: Program,
    sampled: Sequence[Specimen],
    structures: Mapping[Arm, Mapping[int, Relaxed]],
    potential: Potential,
    reference: Reference,
    progress: Progress | None = None,
    *,
    engine: Engine | None = None,
    named: tuple[str, str] | None = None,
    afresh: bool = False,
    keep: bool = True,
) -> Relaxation:
    """The relaxed structures through the validation; what was judged before is not judged again,
    unless ``afresh``. engine, named: as in `validate`. keep: whether what stages find is kept.
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
        store=Store(folder / STAGES, afresh, keep),
        engine=engine,
        named=named,
    )
    return Relaxation(name, folder, recipe, structures, validation, potential)


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
