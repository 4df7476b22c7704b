"""A run folder, judged: its structures go through the validation, what each stage found is kept
beside them, and the tables are written.

It works on whatever is there: a finished run, one that was interrupted, or structures that came
from elsewhere (`adopt`). A stage that has seen the same structures before is not done again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import ARMS, Arm, Program
from scoutlang.potentials import DEFAULT as POTENTIAL
from scoutlang.potentials import Potential, notice
from scoutlang.potentials import load as load_potential
from scoutlang.runs import relaxed
from scoutlang.runs.folder import TRACE, RunFolder, holder, writing
from scoutlang.runs.manifest import (
    MANIFEST,
    Judges,
    Judging,
    Manifest,
    PotentialIdentity,
    ReferenceIdentity,
)
from scoutlang.runs.relaxed import Recipe, Relaxation
from scoutlang.support.engines import Engine
from scoutlang.support.engines.processes import opened
from scoutlang.support.errors import ScoutError
from scoutlang.support.showing import Shown
from scoutlang.validation.outputs import as_frame, write_outputs
from scoutlang.validation.pipeline import Validation, validate
from scoutlang.validation.record import Record
from scoutlang.validation.reference import Reference
from scoutlang.validation.reference import load as load_reference
from scoutlang.validation.stages import Progress
from scoutlang.validation.store import Store
from scoutlang.validation.terms import Hardest, TermSummary, find_hardest, summarize_terms

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Group

REFERENCE = "mp-mini"
STAGES = "stages"
_PART = 512
"""Structures in a file, where they did not come in batches."""


@dataclass(frozen=True, repr=False)
class Judged(Shown):
    """What was found in a run."""

    run: RunFolder
    validation: Validation
    files: tuple[Path, ...]
    """That say so, the manifest first."""
    potential: Potential
    """By which it was judged."""
    reference: Reference
    """Against which it was judged."""
    relaxations: tuple[Relaxation, ...] = ()
    """Its structures relaxed, in each way that stands in its folder."""

    @property
    def named(self) -> tuple[str, str] | None:
        """By what names potential and reference are loaded."""
        judges = self.run.manifest.judges
        return None if judges is None else (judges.potential, judges.reference)

    def relaxation(self, name: str) -> Relaxation | None:
        """The one of that name: ``energy``, ``constraint``."""
        return next((one for one in self.relaxations if one.name == name), None)

    @property
    def folder(self) -> Path:
        return self.run.path

    @property
    def records(self) -> tuple[Record, ...]:
        """What became of each structure, with the structure."""
        return self.validation.records

    @cached_property
    def terms(self) -> tuple[TermSummary, ...]:
        """What was found for each line of the program."""
        return summarize_terms(self.run.program, self.records)

    @cached_property
    def hardest(self) -> Hardest | None:
        """The `require` that is hardest to meet."""
        return find_hardest(self.run.program, self.records)

    def record(self, id: str) -> Record:
        """The record with that name, as in the index of `to_pandas`. Raises KeyError."""
        return {record.id: record for record in self.records}[id]

    def to_pandas(self) -> pd.DataFrame:
        """A row per structure, by its name: arm, composition, and all that the stages found, as in
        records.parquet. What is undefined is missing.
        """
        others = {f"relaxed.{one.name}": one.validation for one in self.relaxations}
        return as_frame(self.records, others)

    def tables(self) -> Group:
        """The tables that `scout run` ends with, for rich."""
        from rich.console import Group

        from scoutlang.validation.table import render_geometries, render_table, render_terms

        geometries = {"as sampled": self.validation} | {
            one.title: one.validation for one in self.relaxations if not one.confirms
        }
        return Group(
            render_terms(self.terms, self.hardest),
            render_table(self.validation, self.files),
            *(
                [render_geometries(geometries, self.folder / relaxed.FOLDER)]
                if len(geometries) > 1
                else []
            ),
        )

    def __str__(self) -> str:
        from scoutlang.validation.table import as_text

        return as_text(self.tables())

    __repr__ = __str__  # what a prompt and a notebook show

    def to_json(self) -> dict[str, Any]:
        """Everything but the records, as plain data; undefined numbers are null."""
        return {
            "folder": str(self.folder),
            "files": [str(f) for f in self.files],
            "status": self.run.manifest.status,
            **self.validation.to_json(),
            "relaxations": {
                one.name: {**one.recipe.model_dump(), **one.validation.to_json()}
                for one in self.relaxations
            },
            "terms": [asdict(term) for term in self.terms],
            "hardest": self.hardest and asdict(self.hardest),
        }


def judge(
    folder: RunFolder | str | Path,
    *,
    potential: str | None = None,
    reference: str | None = None,
    progress: Progress | None = None,
    note: Callable[[str], None] | None = None,
    workers: int | None = None,
    engine: Engine | None = None,
    strict: bool = False,
    afresh: bool = False,
    write: bool = True,
) -> Judged:
    """Judge every structure of a run, and write records, crystals and summary into its folder.

    potential, reference: names; None for those that judged the run before, `POTENTIAL` and
    `REFERENCE` at first. note: told what the user must know, such as the licence of a potential at
    its first use. workers, engine: as in `scoutlang.runs.run.run`. strict: a batch that is
    damaged is an error, E604, and not lost. afresh: what stages have found before is not taken.
    write: if not, the tables and the manifest of the run stay as they are, and what stages find is
    kept only where the folder may be written into. Raises ScoutError: E610 no run,
    E604 damaged, E602 the folder cannot be written, E44x the potential or the reference cannot be
    used.
    """
    run = folder if isinstance(folder, RunFolder) else RunFolder.open(folder)
    with opened(engine, workers) as crew:
        return _judge(
            run, potential, reference, progress, note, crew, strict, afresh=afresh, write=write
        )


def _judge(
    run: RunFolder,
    potential: str | None,
    reference: str | None,
    progress: Progress | None,
    note: Callable[[str], None] | None,
    engine: Engine,
    strict: bool,
    *,
    afresh: bool,
    write: bool,
) -> Judged:
    generated = run.generated(strict=strict)
    names = judges_of(run, potential, reference)
    by, known = load_potential(names.potential), load_reference(names.reference)
    if note and (licence := notice(names.potential)):
        note(licence)
    started = time.monotonic()
    validation = validate(
        run.program,
        generated,
        potential=by,
        reference=known,
        progress=progress,
        store=Store(run.path / STAGES, afresh, write or _may_be_written(run.path)),
        engine=engine,
        named=(names.potential, names.reference),
    )
    facts: dict[str, Any] = {
        "judges": names,
        "potential": PotentialIdentity.model_validate(by),
        "reference": ReferenceIdentity.model_validate(
            {**known.about, "name": known.name, "version": known.version}
        ),
        "validation": Judging(
            structures=len(generated), seconds=round(time.monotonic() - started, 2)
        ),
    }
    status = run.manifest.status
    # killed, and so nobody could note it
    died = status == "running" and not holder(run.path)
    if (status == "interrupted" or died) and _complete(run, generated):
        facts["status"] = "finished"
    files: list[Path] = []
    if write:
        with writing(run.path):
            files = write_outputs(run.path, validation)
            run.note(**facts)
    else:
        run.manifest = run.manifest.changed(**facts)
    if (trace := run.path / TRACE).is_dir():
        files.append(trace)
    judged = Judged(run, validation, (run.path / MANIFEST, *files), by, known)
    return with_relaxations(judged, progress, note, engine=engine, afresh=afresh, write=write)


def with_relaxations(
    judged: Judged,
    progress: Progress | None = None,
    note: Callable[[str], None] | None = None,
    *,
    loaded: Mapping[str, Potential] | None = None,
    engine: Engine | None = None,
    afresh: bool = False,
    write: bool = True,
) -> Judged:
    """A judged run with the relaxations that stand in its folder, judged by the same potential, or
    by the one that confirms; the tables of the run get their columns.

    note: told of a relaxation that is left out, because its potential cannot be loaded here or it
    is not whole. loaded: potentials that the user has named, by these names. engine: where many
    answers are found. afresh, write: as in `judge`. Raises ScoutError E602, E612.
    """
    run, sampled = judged.run, [record.generated for record in judged.records]
    found: list[Relaxation] = []
    tell = note or (lambda text: None)
    for name in relaxed.names(run.path):
        recipe = relaxed.read_recipe(run.path / relaxed.FOLDER / name)
        by = judged.potential
        if recipe.which == "candidates":
            way = next((one for one in found if one.name == recipe.start), None)
            try:
                by = (loaded or {}).get(recipe.named) or _named(recipe.named)
                why = _unfit(way, recipe, by, judged.potential, sampled)
            except ScoutError as error:
                why = f"{error.code} {error.message}"
            if why or way is None:
                tell(f"{name} is left out: {why or 'what it confirms is not there'}")
                continue
        structures = relaxed.read(run.path, name, recipe, sampled)
        if structures is None:
            tell(f"{name} is left out: not all of its structures are relaxed yet")
            continue
        found.append(
            relaxed.judged_relaxation(
                run.path,
                name,
                recipe,
                run.program,
                sampled,
                structures,
                by,
                judged.reference,
                progress,
                engine=engine,
                named=_loadable(recipe, judged.named),
                afresh=afresh,
                keep=write or _may_be_written(run.path),
            )
        )
    if not found:
        return judged
    columns = {f"relaxed.{one.name}": one.validation for one in found}
    if write:
        with writing(run.path):
            write_outputs(run.path, judged.validation, columns)
            for one in found:
                write_outputs(one.folder, one.validation, prefix="relaxed_")
    return replace(judged, relaxations=tuple(found))


def _may_be_written(folder: Path) -> bool:
    """Whether anybody may write into it: an archive is marked so that also root knows."""
    return bool(folder.stat().st_mode & 0o222) and os.access(folder, os.W_OK)


def _loadable(recipe: Recipe, own: tuple[str, str] | None) -> tuple[str, str] | None:
    """The names of what judges a relaxation: of those that confirm, their own potential."""
    if own is None or recipe.which != "candidates":
        return own
    return recipe.named, own[1]


def _unfit(
    way: Relaxation | None,
    recipe: Recipe,
    by: Potential,
    own: Potential,
    sampled: Sequence[Specimen],
) -> str:
    """Why a confirmation is none of the run as it is judged now; empty if it is."""
    identity = PotentialIdentity.model_validate(by)
    if identity != recipe.potential:
        return f"it was made by another version of {by.name}"
    if identity == PotentialIdentity.model_validate(own):
        return f"{by.name} judges the run itself"
    if way is not None and relaxed.begun_with(way, sampled) != recipe.starts:
        return "the candidates are other ones now; `scout relax --confirm` looks at them"
    return ""


def _named(potential: str) -> Potential:
    """The potential that a relaxation names. Raises ScoutError E443 for a model file, as
    `judged_by`, E44x where it cannot be loaded.
    """
    if ":" in potential:
        raise ScoutError("E443", f"{potential} is a model file, and is opened on request only")
    return load_potential(potential)


def _complete(run: RunFolder, generated: Sequence[Specimen]) -> bool:
    """Whether every structure that was asked for is there: only the judging was interrupted."""
    return all(sum(g.arm == arm for g in generated) == run.program.sample.count for arm in run.arms)


def judged_by(run: RunFolder | None, what: Literal["potential", "reference"]) -> str:
    """The name of the potential or the reference that judged a run last, or that will if nobody
    says otherwise: of a new run, or of one that was never judged.

    Raises ScoutError E443 for a model file: a folder from a stranger may name one, and opening it
    may run code.
    """
    if run is None or run.manifest.judges is None:
        return POTENTIAL if what == "potential" else REFERENCE
    name: str = getattr(run.manifest.judges, what)
    if ":" in name:
        raise ScoutError(
            "E443",
            f"{run.path} was judged by a model file, {name}",
            f"if you trust it, name it again: --potential {name}",
        )
    return name


def judges_of(run: RunFolder | None, potential: str | None, reference: str | None) -> Judges:
    """These names, or where one is None what `judged_by` says."""
    return Judges(
        potential=potential or judged_by(run, "potential"),
        reference=reference or judged_by(run, "reference"),
    )


def adopt(
    program: Program, given: Mapping[Arm, Sequence[Specimen | ScoutError]], folder: str | Path
) -> RunFolder:
    """A run folder of structures that something else has made: a finished run, which is not judged
    yet.

    given: the structures of each arm as `scoutlang.crystals.io.read_structures` finds them; what
    could not be read is a structure that is missing, with its reason. Raises ScoutError: E601 the
    folder exists, E602 it cannot be written.
    """
    path = Path(folder)
    arms = [arm for arm in ARMS if arm in given]
    counts = {arm: len(given[arm]) for arm in arms}
    settled = replace(program, sample=replace(program.sample, count=max(1, *counts.values())))
    generated = {
        arm: [_taken(arm, settled.sample.seed, i, found) for i, found in enumerate(given[arm])]
        for arm in arms
    }
    with writing(path):
        run = RunFolder.create(path, Manifest.begin(settled, arms, given=counts))
        for arm in arms:
            for first in range(0, len(generated[arm]), _PART):
                run.write_part(arm, generated[arm][first : first + _PART])
        run.save(status="finished")
    return run


def _taken(arm: Arm, seed: int, index: int, found: Specimen | ScoutError) -> Specimen:
    if isinstance(found, Specimen):
        return replace(found, arm=arm, seed=seed, index=index)
    return Specimen(arm, seed, index, None, f"{found.code} {found.message}")
