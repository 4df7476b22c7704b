"""Does the structure satisfy every ``require`` of the program, by the exact evaluators? The guide
never marks its own homework.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial

from scoutlang.evaluation.measure import measure_specimens, of_structure_alone
from scoutlang.evaluation.measurement import Measurement, Verdict
from scoutlang.ir import Program
from scoutlang.support.batching import each
from scoutlang.support.errors import first_line
from scoutlang.validation.record import Outcome, Record, Status
from scoutlang.validation.stages import Column, Context, Stage, in_batches


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
    seconds = 0.005
    keeps = ("hits", "C")
    adds = (Column("hit", "every `require` holds, by the exact evaluators", "truth"),)
    asks = ("program",)

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        ask = partial(_measure, program=context.program)
        return in_batches(ask, records, self.batch_size, context)


def _measure(records: Sequence[Record], program: Program) -> list[Outcome]:
    measured = each(partial(measure_specimens, program), [r.generated for r in records])
    labels = {term.label for term in program.terms if of_structure_alone(term)}
    return [
        Outcome("undefined", first_line(found), {"hit": None})
        if isinstance(found, Exception)
        else _outcome(found, labels)
        for found in measured
    ]


def _outcome(measured: Measurement, labels: Set[str]) -> Outcome:
    """labels: of the terms whose values a structure alone has."""
    status: Mapping[Verdict, Status] = {True: "passed", False: "failed", None: "undefined"}
    terms = tuple(term for term in measured.terms if term.label in labels)
    return Outcome(status[measured.hit], measured.reason, {"hit": measured.hit}, terms)


STAGE = Hits()
