"""Does the structure fulfil every ``expect`` of the program: what is judged after sampling, such as
``e_above_hull < 0.2 eV/atom``?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from scoutlang.evaluation.measure import measure_terms, of_structure_alone
from scoutlang.evaluation.measurement import TermMeasurement, Verdict, all_hold
from scoutlang.ir import Term, measures
from scoutlang.support.batching import each
from scoutlang.support.errors import first_line
from scoutlang.validation.record import Outcome, Record
from scoutlang.validation.stages import Context, Stage, in_batches


@dataclass(frozen=True)
class Expect(Stage):
    """Measures the terms whose value comes from another stage (``e_above_hull``); the others are
    measured by ``hits``.

    passed: all hold; failed: one does not; undefined: one has no value; skipped: the program
    expects nothing.
    """

    batch_size: int = 64

    name = "expect"
    question = "does every `expect` hold"
    needs = ("geometry",)
    adds = ("expected",)
    after = ("energy", "hits", "hull", "novel", "screen", "unique")
    asks = ("program",)

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        terms = [term for term in context.program.terms if not term.steers]
        if not terms:
            return [Outcome("skipped", "the program expects nothing") for _ in records]
        return in_batches(partial(_ask, terms=terms), records, self.batch_size, context)


def _ask(records: Sequence[Record], terms: Sequence[Term]) -> list[Outcome]:
    others = [term for term in terms if not of_structure_alone(term)]
    names = {m.descriptor for term in others for m in measures(term.claim)}

    def ask(some: Sequence[Record]) -> list[list[TermMeasurement]]:
        given = {name: [record.number(name) for record in some] for name in names}
        return measure_terms(others, [record.structure for record in some], given)

    return [
        Outcome("failed", first_line(row))
        if isinstance(row, Exception)
        else _outcome(record, terms, tuple(row))
        for record, row in zip(records, each(ask, records), strict=True)
    ]


def _outcome(
    record: Record, terms: Sequence[Term], measured: tuple[TermMeasurement, ...]
) -> Outcome:
    new = {one.label: one for one in measured}
    truths = {
        term.label: (new.get(term.label) or record.term(term.label)).satisfied for term in terms
    }
    expected = all_hold(truths.values())
    values = {"expected": expected}
    if expected:
        return Outcome("passed", "", values, measured)
    if expected is None:
        return Outcome("undefined", f"no value for {_labels(truths, None)}", values, measured)
    return Outcome("failed", f"does not hold: {_labels(truths, False)}", values, measured)


def _labels(truths: Mapping[str, Verdict], verdict: Verdict) -> str:
    return ", ".join(label for label, truth in truths.items() if truth is verdict)


STAGE = Expect()
