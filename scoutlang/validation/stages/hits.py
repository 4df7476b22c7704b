"""Does the structure satisfy every ``require`` of the program, by the exact evaluators? The guide
never marks its own homework.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import partial

from scoutlang.evaluation.measure import measure_specimens, of_structure_alone
from scoutlang.evaluation.measurement import Measurement
from scoutlang.ir import Program
from scoutlang.support.batching import each
from scoutlang.validation.record import Outcome, Record, Value
from scoutlang.validation.stages import Column, Context, Stage, describe


@dataclass(frozen=True)
class Hits(Stage):
    """Needs ``geometry`` only, as |C|/|R| is a fraction of the raw set. Measures the terms whose
    values a structure alone has.

    passed: hit; failed: miss; undefined: a term has no value, for example because a species is
    absent.
    """

    batch_size: int = 64

    name = "hits"
    question = "does every `require` hold, by the exact evaluators"
    needs = ("geometry",)
    keeps = ("hits", "C")
    adds = (Column("hit", "every `require` holds, by the exact evaluators", "truth"),)
    asks = ("program",)

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for start in range(0, len(records), self.batch_size):
            outcomes.extend(_measure(records[start : start + self.batch_size], context.program))
            context.report(len(outcomes), len(records))
        return outcomes


def _measure(records: Sequence[Record], program: Program) -> list[Outcome]:
    measured = each(partial(measure_specimens, program), [r.generated for r in records])
    labels = {term.label for term in program.terms if of_structure_alone(term)}
    required = {term.label for term in program.requirements}
    return [
        Outcome("undefined", describe(found), {"hit": None})
        if isinstance(found, Exception)
        else _outcome(found, labels, required, _composition(record, program))
        for found, record in zip(measured, records, strict=True)
    ]


def _composition(record: Record, program: Program) -> str:
    """What a miss by composition alone is to be told; empty if every element is in the system."""
    others = sorted(record.structure.composition.chemical_system_set - set(program.system))
    return f"holds {', '.join(others)}, which the system does not" if others else ""


def _outcome(
    measured: Measurement, labels: Set[str], required: Set[str], composition: str
) -> Outcome:
    values: dict[str, Value] = {"hit": measured.hit}
    terms = tuple(term for term in measured.terms if term.label in labels)
    if measured.hit:
        return Outcome("passed", values=values, terms=terms)
    if measured.hit is None:
        without = [t.label for t in terms if t.satisfied is None and t.label in required]
        return Outcome(
            "undefined",
            f"no value for {', '.join(without)}" if without else "no requirement to satisfy",
            values,
            terms,
        )
    missed = [t.label for t in terms if t.satisfied is False and t.label in required]
    reasons = [
        *([composition] if composition else []),
        *([f"misses {', '.join(missed)}"] if missed else []),
    ]
    return Outcome("failed", "; ".join(reasons) or "is not of the formula", values, terms)


STAGE = Hits()
