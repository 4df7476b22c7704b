"""A judged run → `ReportData`: everything that a figure or the page shows, and nothing about how it
looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Literal

import torch
from pymatgen.core import Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.crystals.specimen import Specimen
from scoutlang.evaluation.loss import compile_loss
from scoutlang.evaluation.measure import (
    MAX_PAIRS,
    measure_specimens,
    measure_terms,
    of_structure_alone,
)
from scoutlang.evaluation.measurement import TermMeasurement
from scoutlang.ir import Program
from scoutlang.potentials import Potential
from scoutlang.report.geometries import Geometry, geometries
from scoutlang.report.shortlist import Candidate, shortlist, why_none
from scoutlang.runs.folder import TRACE
from scoutlang.runs.judge import Judged
from scoutlang.runs.manifest import Manifest
from scoutlang.runs.relaxed import Relaxation
from scoutlang.support.batching import batches, each
from scoutlang.support.files import followed
from scoutlang.validation.funnel import Funnel, funnels
from scoutlang.validation.hull import Hulls
from scoutlang.validation.pipeline import Validation
from scoutlang.validation.record import Record
from scoutlang.validation.reference import Reference
from scoutlang.validation.reference.structures import ReferenceStructure
from scoutlang.validation.terms import Hardest, TermSummary, find_hardest, summarize_terms

Group = Literal["reference", "non-guided", "guided", "prototypes"]

MAX_REFERENCE_ATOMS = 400
"""A larger cell in the reference is left out: pairs grow with the square. β-boron of the paper has
105 atoms.
"""

_PAIRS = MAX_PAIRS // 10  # the losses of a batch are held together, with every image of every pair


@dataclass(frozen=True)
class Crystal:
    """One crystal in the figures: of an arm, or of the reference set."""

    id: str
    """Of its record, or in the reference."""
    group: Group
    formula: str
    """The reduced one."""
    structure: Structure
    values: Mapping[str, float | None]
    """Label of a term that compares or wishes for one value → the exact value in its canonical
    unit, None where it is undefined.
    """
    satisfied: Mapping[str, bool | None]
    """Label of a term → whether it holds, None where that is undefined."""
    loss: float | None
    """ℓ of the program, dimensionless; None where a guiding term is undefined."""
    e_above_hull: float | None
    """eV/atom, unrelaxed; None where there is none."""
    hit: bool | None
    """Whether every requirement holds; None where that is undefined."""
    record: Record | None = None
    """What the stages said of it; None for the reference."""


MOST = 10_000
"""Structures that the table and the figures show; counts and shares are always of all."""
_BEST = 1000
"""Candidates that are among them in any case."""


@dataclass(frozen=True)
class ReportData:
    """A judged run, as far as it is shown."""

    name: str
    """Of the run's folder."""
    manifest: Manifest
    validation: Validation
    crystals: tuple[Crystal, ...]
    """Those of `shown` that have a structure, in their order, then those of the reference that hold
    only elements of the system and on which some term is defined.
    """
    trace: Path | None = None
    """The folder of the guided arm's trace, None where there is none."""
    reference_left_out: Mapping[str, int] = field(default_factory=dict)
    """Reason → how many crystals of the reference, of these elements, are not among them."""
    relaxations: tuple[Relaxation, ...] = ()
    """Its structures relaxed, in each way, and the candidates by other potentials."""
    shortlist: tuple[Candidate, ...] = ()
    """Best first; none where nothing was relaxed: then the table of structures begins with them."""
    no_candidates: str = ""
    """Why the shortlist of a run that was relaxed is empty."""
    part: tuple[Record, ...] | None = None
    """Of a large run the records that are shown; None for all."""

    @property
    def shown(self) -> tuple[Record, ...]:
        """The records in the table: all, or of a large run the candidates and as many others of
        each arm, evenly, as make `MOST`.
        """
        return self.validation.records if self.part is None else self.part

    @cached_property
    def geometries(self) -> list[Geometry]:
        """As sampled, and after each way of relaxing."""
        return geometries(self.validation, self.relaxations)

    @property
    def program(self) -> Program:
        return self.manifest.program

    @cached_property
    def terms(self) -> tuple[TermSummary, ...]:
        """As the table of `scout run` has them."""
        return summarize_terms(self.program, self.validation.records)

    @cached_property
    def hardest(self) -> Hardest | None:
        """The `require` that is hardest to meet."""
        return find_hardest(self.program, self.validation.records)

    @cached_property
    def funnels(self) -> tuple[Funnel, ...]:
        return funnels(self.validation.records)


def collect(judged: Judged) -> ReportData:
    """Gather what there is to show. Energies of the reference come from the cache of the hull."""
    program, records = judged.run.program, judged.validation.records
    known, left_out = reference_crystals(program, judged.potential, judged.reference)
    trace = judged.folder / TRACE
    found = shortlist(judged) if judged.relaxations else ()
    none = "" if found or not judged.relaxations else f"no candidates: {why_none(judged)}"
    part = shown(records, [one.id for one in found[:_BEST]])
    return ReportData(
        name=followed(judged.folder).name,
        manifest=judged.run.manifest,
        validation=judged.validation,
        crystals=(*generated_crystals(program, part), *known),
        trace=trace if trace.is_dir() else None,
        reference_left_out=left_out,
        relaxations=judged.relaxations,
        shortlist=found,
        no_candidates=none,
        part=part,
    )


def shown(records: Sequence[Record], best: Sequence[str]) -> tuple[Record, ...]:
    """All records, or where they are more than `MOST`: every n-th of each arm, and the best."""
    step = -(-len(records) // MOST)
    if step <= 1:
        return tuple(records)
    named, place = set(best), Counter[str]()
    found = []
    for record in records:
        if place[record.arm] % step == 0 or record.id in named:
            found.append(record)
        place[record.arm] += 1
    return tuple(found)


def generated_crystals(program: Program, records: Sequence[Record]) -> list[Crystal]:
    """The crystals of both arms, with what the records say of them. ℓ is that of the finished
    crystal; none for what is no crystal.
    """
    sound = [r for r in records if r.passed("geometry")]
    losses = dict(
        zip((r.id for r in sound), losses_of(program, [r.structure for r in sound]), strict=True)
    )
    labels = [term.label for term in program.terms]
    return [
        Crystal(
            id=record.id,
            group=record.arm,
            formula=record.structure.composition.reduced_formula,
            structure=record.structure,
            values={label: record.term(label).exact for label in labels},
            satisfied={label: record.term(label).satisfied for label in labels},
            loss=losses.get(record.id),
            e_above_hull=record.e_above_hull,
            hit=record.hit,
            record=record,
        )
        for record in records
        if record.generated.structure is not None
    ]


def reference_crystals(
    program: Program, potential: Potential, reference: Reference
) -> tuple[list[Crystal], dict[str, int]]:
    """The known crystals that the generated ones are compared with, in table order, and why others
    of these elements are not among them.
    """
    left_out: Counter[str] = Counter()
    candidates = []
    for known in reference.subset(program.system):
        if len(known.structure) > MAX_REFERENCE_ATOMS:
            left_out[f"more than {MAX_REFERENCE_ATOMS} atoms"] += 1
        else:
            candidates.append(known)
    heights = Hulls(program.system, potential, reference).of_reference()

    def measured(
        some: Sequence[ReferenceStructure],
    ) -> list[tuple[bool | None, dict[str, TermMeasurement]]]:
        return _measured(program, some, heights)

    answered = []
    portions = batches(candidates, lambda known: len(known.structure) ** 2, _PAIRS)
    answers = (found for portion in portions for found in each(measured, portion))
    for known, found in zip(candidates, answers, strict=True):
        if isinstance(found, Exception):
            left_out["cannot be measured"] += 1
        elif not any(
            _says_something(found[1][term.label])
            for term in program.terms
            if of_structure_alone(term)
        ):
            left_out["no term is defined on it"] += 1
        else:
            answered.append((known, *found))
    losses = losses_of(program, [known.structure for known, _, _ in answered])
    crystals = [
        Crystal(
            id=known.id,
            group="reference",
            formula=known.structure.composition.reduced_formula,
            structure=known.structure,
            values={label: term.exact for label, term in terms.items()},
            satisfied={label: term.satisfied for label, term in terms.items()},
            loss=loss,
            e_above_hull=heights.get(known.id),
            hit=hit,
        )
        for (known, hit, terms), loss in zip(answered, losses, strict=True)
    ]
    return crystals, dict(left_out)


def losses_of(program: Program, structures: Sequence[Structure]) -> list[float | None]:
    """ℓ of every crystal, float64: the axis of the paper's Pareto fronts (arXiv:2604.13354, section
    3.1), with the kernel of the program's guide.

    None where a guiding term is undefined, ℓ is not finite or cannot be computed, and for all where
    nothing guides.
    """
    loss = compile_loss(program)
    if not loss.items:
        return [None] * len(structures)

    def evaluate(some: Sequence[Structure]) -> list[float | None]:
        with torch.no_grad():
            found = loss(
                CrystalBatch.from_structures(some, dtype=torch.float64), program.guide.sharpness
            )
        return [
            total if whole and isfinite(total) else None
            for total, whole in zip(
                found.total.tolist(), found.defined.all(1).tolist(), strict=True
            )
        ]

    portions = batches(structures, lambda structure: len(structure) ** 2, _PAIRS)
    return [
        None if isinstance(found, Exception) else found
        for portion in portions
        for found in each(evaluate, portion)
    ]


def _measured(
    program: Program, known: Sequence[ReferenceStructure], heights: Mapping[str, float]
) -> list[tuple[bool | None, dict[str, TermMeasurement]]]:
    """hit and terms of known crystals; of the values that stages add, only the height above the
    hull has a meaning here.
    """
    alone = measure_specimens(
        program, [Specimen(structure=k.structure, origin=k.id) for k in known]
    )
    others = [term for term in program.terms if not of_structure_alone(term)]
    given = measure_terms(
        others, [k.structure for k in known], {"e_above_hull": [heights.get(k.id) for k in known]}
    )
    return [
        (found.hit, {t.label: t for t in (*found.terms, *more)})
        for found, more in zip(alone, given, strict=True)
    ]


def _says_something(term: TermMeasurement) -> bool:
    return term.exact is not None or term.satisfied is not None
