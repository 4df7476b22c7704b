"""Generated structures → records, stage by stage, the same for both arms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scoutlang.ir import Program
from scoutlang.potentials import Potential
from scoutlang.validation.record import STATUSES, Generated, Outcome, Record
from scoutlang.validation.reference import Reference
from scoutlang.validation.stages import Context, Progress, Stage
from scoutlang.validation.stages.energy import Energy
from scoutlang.validation.stages.expect import Expect
from scoutlang.validation.stages.geometry import Geometry
from scoutlang.validation.stages.hits import Hits
from scoutlang.validation.stages.hull import Hull
from scoutlang.validation.stages.novel import Novel
from scoutlang.validation.stages.screen import Screen
from scoutlang.validation.stages.unique import Unique
from scoutlang.validation.summary import Summary, summarize

STAGES: tuple[Stage, ...] = (Geometry(), Screen(), Hits(), Energy(), Hull(), Unique(), Novel(), Expect())


@dataclass(frozen=True)
class Provenance:
    """What the numbers of a validation depend on besides the structures."""

    program_digest: str
    potential: str
    potential_version: str
    potential_weights_sha256: str
    reference: str
    reference_version: str


@dataclass(frozen=True)
class Validation:
    """All records in input order, and what they mean."""

    records: tuple[Record, ...]
    provenance: Provenance

    def table(self) -> Summary:
        """Per arm and between arms; see `summary.Summary`."""
        return summarize(self.records)

    def funnel(self) -> dict[str, dict[str, dict[str, int]]]:
        """arm → stage → status → count. For every arm and stage the counts add up to |R|."""
        counts = Counter((r.arm, stage, outcome.status) for r in self.records for stage, outcome in r.outcomes.items())
        arms = dict.fromkeys(r.arm for r in self.records)
        stages = dict.fromkeys(stage for r in self.records for stage in r.outcomes)
        return {arm: {stage: {status: counts[arm, stage, status] for status in STATUSES} for stage in stages} for arm in arms}

    def to_json(self) -> dict[str, Any]:
        """Provenance, table and funnel as plain data; undefined numbers are null. The records go into a table of their own."""
        return {"provenance": asdict(self.provenance), "table": asdict(self.table()), "funnel": self.funnel()}


def validate(
    program: Program,
    generated: Sequence[Generated],
    *,
    potential: Potential,
    reference: Reference,
    run: str = "",
    progress: Progress | None = None,
    stages: Sequence[Stage] = STAGES,
) -> Validation:
    """Judge every structure; one record each, with the id ``{run}-{arm}-{seed}-{index}``.

    ``run`` is the start of the program's digest if not given. ``progress(stage, done, total)`` is called as the work goes on.
    Raises ValueError when two structures would have the same id.
    """
    run = run or program.digest()[:8]
    records = [Record(f"{run}-{g.arm}-{g.seed}-{g.index}", g) for g in generated]
    twice = [id_ for id_, count in Counter(r.id for r in records).items() if count > 1]
    if twice:
        raise ValueError(f"not unique (arm, seed, index): {', '.join(twice[:3])}")
    for stage in stages:

        def report(done: int, total: int, name: str = stage.name) -> None:
            if progress:
                progress(name, done, total)

        records = _advance(records, stage, Context(program, potential, reference, report))
    provenance = Provenance(
        program_digest=program.digest(),
        potential=potential.name,
        potential_version=potential.version,
        potential_weights_sha256=potential.weights_sha256,
        reference=reference.name,
        reference_version=reference.version,
    )
    return Validation(tuple(records), provenance)


def _advance(records: Sequence[Record], stage: Stage, context: Context) -> list[Record]:
    """Run one stage on the records that passed what it needs; the others are marked with the stage that held them back."""
    ready = [r for r in records if all(r.passed(need) for need in stage.needs)]
    outcomes = dict(zip((r.id for r in ready), stage.run(ready, context) if ready else [], strict=True))
    return [r.after(stage.name, outcomes.get(r.id) or _held_back(r, stage)) for r in records]


def _held_back(record: Record, stage: Stage) -> Outcome:
    need = next(need for need in stage.needs if not record.passed(need))
    return Outcome("skipped", f"{need} was not passed")
