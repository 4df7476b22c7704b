"""Measure every term of a program on given structures: the soft value that guides, the exact value
that judges.

A hit is a structure on which every `require` holds under the exact evaluator. `prefer` is reported
only, and `expect` is judged beside the hits, not inside them. ``hit`` is None where a `require` is
undefined (its species absent) or none was written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.crystals.cells import unsheared
from scoutlang.crystals.io import StructureLike, specimens
from scoutlang.crystals.specimen import Specimen
from scoutlang.descriptors import modules
from scoutlang.evaluation.expressions import (
    Field,
    Reading,
    Truth,
    extent,
    margin,
    quantity,
    truth,
)
from scoutlang.evaluation.measurement import (
    Measurement,
    Measurements,
    Part,
    TermMeasurement,
    Verdict,
)
from scoutlang.evaluation.reasons import reason
from scoutlang.ir import Compare, Program, Proposition, Term, Wish, comparisons, measures
from scoutlang.support.batching import batches

if TYPE_CHECKING:
    from pymatgen.core import Structure

MAX_PAIRS = 1_000_000
"""Structures are measured together as long as the sum of their squared atom numbers stays below
this.
"""


def measure(program: Program, structures: StructureLike | Iterable[StructureLike]) -> Measurements:
    """Measure structures, in order: one or several. A path may stand for many; objects are named by
    their position and formula.

    Raises ScoutError (E201-E208) at the first structure that cannot be used;
    `crystals.io.read_structures` lets a caller skip those.
    """
    return Measurements(measure_specimens(program, list(specimens(structures))))


def measure_specimens(program: Program, some: Sequence[Specimen]) -> list[Measurement]:
    """Measure structures that have been sampled or read already, in order, float64, batch by batch.
    Raises ValueError for one that has no structure.
    """
    chunks = batches(some, lambda one: len(one.crystal) ** 2, MAX_PAIRS)
    return [result for chunk in chunks for result in _measure_batch(program, chunk)]


def measure_terms(
    terms: Sequence[Term],
    structures: Sequence[Structure],
    given: Mapping[str, Sequence[float | None]] | None = None,
) -> list[list[TermMeasurement]]:
    """Some terms on pymatgen structures: a row per structure.

    given: values of descriptors that a structure alone does not have, one per structure; truth
    values are 1 and 0.
    """
    batch = CrystalBatch.from_structures([unsheared(s) for s in structures], dtype=torch.float64)
    values = {
        name: torch.tensor(
            [math.nan if v is None else float(v) for v in column], dtype=torch.float64
        )
        for name, column in (given or {}).items()
    }
    soft, exact = Reading(batch, "soft", given=values), Reading(batch, "exact", given=values)
    with torch.no_grad():
        columns = [_measure_term(term, soft, exact) for term in terms]
    return [[column[row] for column in columns] for row in range(batch.size)]


def of_structure_alone(term: Term) -> bool:
    """Whether a structure alone gives every value of the term; the others are columns that a stage
    of the validation adds.
    """
    catalogue = modules()
    return all(hasattr(catalogue[m.descriptor], "exact") for m in measures(term.claim))


def _measure_batch(program: Program, some: Sequence[Specimen]) -> list[Measurement]:
    results = []
    rows = measure_terms(program.terms, [one.crystal for one in some])
    for one, terms in zip(some, rows, strict=True):
        hit, why = _judge(program, one.crystal, terms)
        if one.lacking:
            hit, why = None, f"the crystal is not whole: {one.lacking}"
        results.append(Measurement(one.name, hit, tuple(terms), why, one.doubts))
    return results


def _judge(
    program: Program, crystal: Structure, terms: Sequence[TermMeasurement]
) -> tuple[Verdict, str]:
    """Whether it is a hit, and why it is none."""
    required = {term.label for term in program.requirements}
    truths = {term.label: term.satisfied for term in terms if term.label in required}
    if not truths and program.formula is None:
        return None, "no requirement to satisfy"
    if undefined := [label for label, truth in truths.items() if truth is None]:
        return None, f"no value for {', '.join(undefined)}"
    reasons = []
    if foreign := sorted(crystal.composition.chemical_system_set - set(program.system)):
        reasons.append(f"holds {', '.join(foreign)}, which the system does not")
    if missed := [label for label, truth in truths.items() if not truth]:
        reasons.append(f"misses {', '.join(missed)}")
    if not reasons and program.formula and not _has_formula(program.formula, crystal):
        reasons.append("is not of the formula")
    return not reasons, "; ".join(reasons)


def _has_formula(formula: Sequence[tuple[str, int]], structure: Structure) -> bool:
    """Whether the crystal is a whole number of formula units."""
    found = structure.composition.get_el_amt_dict()
    units = len(structure) / sum(count for _, count in formula)
    return bool(found == {symbol: count * units for symbol, count in formula})


def _measure_term(term: Term, soft: Reading, exact: Reading) -> list[TermMeasurement]:
    """One term on every crystal of the batch."""
    size = exact.batch.size
    nothing: list[None] = [None] * size
    claim = term.claim
    differentiable = all(hasattr(exact.catalogue[m.descriptor], "soft") for m in measures(claim))
    softs: Sequence[float | None] = nothing
    exacts: Sequence[float | None] = nothing
    if isinstance(claim, Compare | Wish):
        softs = _numbers(quantity(claim.value, soft)) if differentiable else nothing
        exacts = _numbers(quantity(claim.value, exact))
    margins: Sequence[float | None] = nothing
    verdicts: Sequence[Verdict] = nothing
    soft_verdicts: Sequence[Verdict] = nothing
    if not isinstance(claim, Wish):
        margins, verdicts = _numbers(margin(claim, exact)), _verdicts(truth(claim, exact))
        soft_verdicts = _verdicts(truth(claim, soft)) if differentiable else nothing
    parts = _parts(claim, exact)
    columns = zip(softs, exacts, margins, verdicts, soft_verdicts, parts, strict=True)
    measured = [TermMeasurement(term.label, term.text, *row) for row in columns]
    return [
        replace(one, reason=reason(claim, one, exact, place)) for place, one in enumerate(measured)
    ]


def _parts(claim: Proposition | Wish, exact: Reading) -> list[tuple[Part, ...]]:
    """The relations of a claim on every crystal; none where the claim is a single one, whose value
    is said already.
    """
    size = exact.batch.size
    if isinstance(claim, Compare | Wish):
        return [()] * size
    columns = []
    for comparison in comparisons(claim):
        low, high = extent(quantity(comparison.value, exact), size)
        columns.append([Part(a, b) for a, b in zip(_numbers(low), _numbers(high), strict=True)])
    return list(zip(*columns, strict=True))


def _numbers(field: Field) -> list[float | None]:
    """None where a value is undefined or not finite."""
    found = zip(field.value.tolist(), field.defined.tolist(), strict=True)
    return [value if defined and math.isfinite(value) else None for value, defined in found]


def _verdicts(found: Truth) -> list[Verdict]:
    return [
        True if t else False if f else None
        for t, f in zip(found.true.tolist(), found.false.tolist(), strict=True)
    ]
