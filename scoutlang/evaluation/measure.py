"""Measure every term of a program on given structures: the soft value that guides, the exact value
that judges.

A hit is a structure on which every `require` holds under the exact evaluator. `prefer` is reported
only, and `expect` is judged beside the hits, not inside them. ``hit`` is None where a `require` is
undefined (its species absent) or none was written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.crystals.io import StructureLike, specimens
from scoutlang.crystals.specimen import Specimen
from scoutlang.descriptors import modules
from scoutlang.evaluation.expressions import (
    Field,
    Reading,
    Truth,
    comparisons,
    extent,
    margin,
    measures,
    quantity,
    truth,
)
from scoutlang.evaluation.margins import all_hold
from scoutlang.ir import Compare, Node, Program, Proposition, Term, Wish
from scoutlang.support.batching import batches

if TYPE_CHECKING:
    import pandas as pd
    from pymatgen.core import Structure

MAX_PAIRS = 1_000_000
"""Structures are measured together as long as the sum of their squared atom numbers stays below
this.
"""


@dataclass(frozen=True)
class Part(Node):
    """One relation inside a claim, by the exact values: the least and the largest value of the
    sites, or the same value twice; None: undefined.
    """

    low: float | None
    high: float | None


@dataclass(frozen=True)
class TermMeasurement(Node):
    """One term on one structure, in canonical units. None: undefined, or not measurable on a
    structure alone.

    soft, exact: value of a term that compares or wishes for one, None for others. margin: ρ.
    satisfied: truth by the exact values, None also for a wish; soft_satisfied: by the soft ones.
    parts: the relations inside a claim that has several, or asks the sites, in the order of
    `expressions.comparisons`.
    """

    label: str
    source: str
    soft: float | None
    exact: float | None
    margin: float | None
    satisfied: bool | None
    soft_satisfied: bool | None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Measurement(Node):
    """All terms of a program on one structure, in program order.

    ``hit``: every `require` holds, and the composition is the `formula` if there is one; None where
    a `require` is undefined or there is nothing to satisfy. A crystal with other elements than the
    system's is no hit.
    """

    structure: str
    hit: bool | None
    terms: tuple[TermMeasurement, ...]


class Measurements(tuple[Measurement, ...]):
    """The measurements of several structures, in order. At a prompt and in a notebook they are a
    table.
    """

    def __repr__(self) -> str:
        return self.to_pandas().T.to_string(header=False, max_cols=8)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return str(self.to_pandas().to_html(max_rows=60, notebook=True))

    def to_pandas(self) -> pd.DataFrame:
        """A row per structure: its name, ``hit``, and of each term, as in the records of a run,
        ``exact: LABEL``, ``soft: LABEL``, ``margin: LABEL`` and ``satisfied: LABEL``. What is
        undefined is missing (``<NA>``).
        """
        import pandas as pd

        columns = ("exact", "soft", "margin", "satisfied")
        rows = [
            {"structure": one.structure, "hit": one.hit}
            | {
                f"{column}: {term.label}": getattr(term, column)
                for term in one.terms
                for column in columns
            }
            for one in self
        ]
        frame = pd.DataFrame(rows, columns=None if rows else ["structure", "hit"])
        truths = {name for name in frame.columns if name == "hit" or name.startswith("satisfied: ")}
        kinds = {name: "boolean" if name in truths else "Float64" for name in frame.columns[1:]}
        return frame.astype({"structure": "string", **kinds})


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
    batch = CrystalBatch.from_structures(structures, dtype=torch.float64)
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
        verdicts = [
            m.satisfied
            for m, term in zip(terms, program.terms, strict=True)
            if term.verb == "require"
        ]
        if program.formula is not None:
            verdicts.append(_has_formula(program.formula, one.crystal))
        if verdicts and not one.crystal.composition.chemical_system_set <= set(program.system):
            verdicts.append(False)
        results.append(Measurement(structure=one.name, hit=all_hold(verdicts), terms=tuple(terms)))
    return results


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
    verdicts: Sequence[bool | None] = nothing
    soft_verdicts: Sequence[bool | None] = nothing
    if not isinstance(claim, Wish):
        margins, verdicts = _numbers(margin(claim, exact)), _verdicts(truth(claim, exact))
        soft_verdicts = _verdicts(truth(claim, soft)) if differentiable else nothing
    parts = _parts(claim, exact)
    columns = zip(softs, exacts, margins, verdicts, soft_verdicts, parts, strict=True)
    return [TermMeasurement(term.label, term.text, *row) for row in columns]


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
    return [
        v if d else None for v, d in zip(field.value.tolist(), field.defined.tolist(), strict=True)
    ]


def _verdicts(found: Truth) -> list[bool | None]:
    return [
        True if t else False if f else None
        for t, f in zip(found.true.tolist(), found.false.tolist(), strict=True)
    ]
