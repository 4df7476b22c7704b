"""A run folder, judged: its structures go through the validation, what each stage found is kept
beside them, and the tables are written.

It works on whatever is there: a finished run, one that was interrupted, or structures that came
from elsewhere (`adopt`). A stage that has seen the same structures before is not done again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Group

from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import Arm, Program
from scoutlang.potentials import DEFAULT as POTENTIAL
from scoutlang.potentials import Potential
from scoutlang.potentials import load as load_potential
from scoutlang.potentials.catalogue import notice
from scoutlang.runs.folder import ARMS, MANIFEST, SAMPLES, RunFolder, manifest, writing
from scoutlang.runs.trace import TRACE
from scoutlang.support.errors import ScoutError
from scoutlang.validation.outputs import as_frame, write_outputs
from scoutlang.validation.pipeline import Validation, validate
from scoutlang.validation.record import Record
from scoutlang.validation.reference import Reference
from scoutlang.validation.reference import load as load_reference
from scoutlang.validation.stages import Progress
from scoutlang.validation.store import Store
from scoutlang.validation.table import as_text, render_table, render_terms
from scoutlang.validation.terms import Hardest, TermSummary, find_hardest, summarize_terms

if TYPE_CHECKING:
    import pandas as pd

REFERENCE = "mp-mini"
STAGES = "stages"
_PART = 512
"""Structures in a file, where they did not come in batches."""


@dataclass(frozen=True, repr=False)
class Judged:
    """What was found in a run, of the whole and of each term, by which potential and reference, and
    the files that say so.
    """

    run: RunFolder
    validation: Validation
    files: tuple[Path, ...]
    terms: tuple[TermSummary, ...]
    hardest: Hardest | None
    potential: Potential
    reference: Reference

    @property
    def folder(self) -> Path:
        return self.run.path

    @property
    def records(self) -> tuple[Record, ...]:
        """What became of each structure, with the structure."""
        return self.validation.records

    def record(self, id: str) -> Record:
        """The record with that name, as in the index of `to_pandas`. Raises KeyError."""
        try:
            return next(record for record in self.records if record.id == id)
        except StopIteration:
            raise KeyError(id) from None

    def to_pandas(self) -> pd.DataFrame:
        """A row per structure, by its name: arm, composition, and all that the stages found, as in
        records.parquet. What is undefined is missing.
        """
        return as_frame(self.records)

    def __str__(self) -> str:
        """The tables that `scout run` ends with."""
        return as_text(
            Group(render_terms(self.terms, self.hardest), render_table(self.validation, self.files))
        )

    __repr__ = __str__  # what a prompt and a notebook show

    def to_json(self) -> dict[str, Any]:
        """Everything but the records, as plain data; undefined numbers are null."""
        return {
            "folder": str(self.folder),
            "files": [str(f) for f in self.files],
            "status": self.run.manifest.get("status"),
            **self.validation.to_json(),
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
) -> Judged:
    """Judge every structure of a run, and write records, crystals and summary into its folder.

    potential, reference: names; None for those that judged the run before, `POTENTIAL` and
    `REFERENCE` at first. note: told what the user must know, such as the licence of a potential at
    its first use. Raises ScoutError: E610 no run, E604 damaged, E602 the folder cannot be written,
    E44x the potential or the reference cannot be used.
    """
    run = folder if isinstance(folder, RunFolder) else RunFolder.open(folder)
    program, generated = run.program, run.generated()
    names = {
        "potential": potential or judged_by(run, "potential"),
        "reference": reference or judged_by(run, "reference"),
    }
    judge_, known = load_potential(names["potential"]), load_reference(names["reference"])
    if note and (licence := notice(names["potential"])):
        note(licence)
    started = time.monotonic()
    validation = validate(
        program,
        generated,
        potential=judge_,
        reference=known,
        progress=progress,
        store=Store(run.path / STAGES),
    )
    facts: dict[str, Any] = {
        "judges": names,
        "potential": {
            "name": judge_.name,
            "version": judge_.version,
            "weights_sha256": judge_.weights_sha256,
        },
        "reference": {**known.about, "name": known.name, "version": known.version},
        "validation": {
            "structures": len(generated),
            "seconds": round(time.monotonic() - started, 2),
        },
    }
    with writing(run.path):
        files = [*write_outputs(run.path, validation), *_draw(run, validation)]
        if run.manifest.get("status") == "interrupted" and _complete(run, generated):
            facts["status"] = "finished"
        run.note(facts)
    terms, hardest = (
        summarize_terms(program, validation.records),
        find_hardest(program, validation.records),
    )
    return Judged(run, validation, (run.path / MANIFEST, *files), terms, hardest, judge_, known)


def _complete(run: RunFolder, generated: Sequence[Specimen]) -> bool:
    """Whether every structure that was asked for is there: then only the judging was interrupted."""
    return all(sum(g.arm == arm for g in generated) == run.program.sample.count for arm in run.arms)


def judged_by(run: RunFolder, what: Literal["potential", "reference"]) -> str:
    """The name of the potential or the reference that judged a run last, or that will if nobody
    says otherwise.

    Raises ScoutError E443 for a model file: a folder from a stranger may name one, and opening it
    may run code.
    """
    said = run.manifest.get("judges")
    name = said.get(what) if isinstance(said, dict) else None
    if not isinstance(name, str):
        return POTENTIAL if what == "potential" else REFERENCE
    if ":" in name:
        raise ScoutError(
            "E443",
            f"{run.path} was judged by a model file, {name}",
            f"if you trust it, name it again: --potential {name}",
        )
    return name


def adopt(
    program: Program, given: Mapping[Arm, Sequence[Specimen | ScoutError]], folder: str | Path
) -> RunFolder:
    """A run folder of structures that something else has made: a finished run, which is not judged
    yet.

    given: the structures of each arm as `structure_io.read_structures` finds them; what could not
    be read is a structure that is missing, with its reason. Raises ScoutError: E601 the folder
    exists, E602 it cannot be written.
    """
    path = Path(folder)
    arms = [arm for arm in ARMS if arm in given]
    count = max(1, *(len(some) for some in given.values()))
    settled = replace(program, sample=replace(program.sample, count=count))
    generated = {
        arm: [_taken(arm, settled.sample.seed, i, found) for i, found in enumerate(given[arm])]
        for arm in arms
    }
    with writing(path):
        claim(path)
        run = RunFolder(
            path,
            manifest(settled, arms)
            | {"status": "finished", "given": {arm: len(given[arm]) for arm in arms}},
        )
        for arm in arms:
            for first in range(0, len(generated[arm]), _PART):
                run.write_part(arm, generated[arm][first : first + _PART])
        run.save()
    return run


def claim(path: Path) -> None:
    """Make a new run folder. Raises ScoutError E601 where something is there already, OSError."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ScoutError(
            "E601",
            f"{path} exists and is not empty",
            "choose another folder with --out, or continue that run with --resume",
        )
    (path / SAMPLES).mkdir(parents=True, exist_ok=True)


def _taken(arm: Arm, seed: int, index: int, found: Specimen | ScoutError) -> Specimen:
    if isinstance(found, Specimen):
        return replace(found, arm=arm, seed=seed, index=index)
    return Specimen(arm, seed, index, None, f"{found.code} {found.message}")


def _draw(run: RunFolder, validation: Validation) -> list[Path]:
    """The picture of the trace and the trace itself, where there is one."""
    if not (run.path / TRACE).is_dir():
        return []
    from scoutlang.report.trace_plot import draw_trace

    hits = {arm.arm: arm.hits.fraction for arm in validation.table().arms}
    return [run.path / TRACE, draw_trace(run.path, run.program, hits)]
