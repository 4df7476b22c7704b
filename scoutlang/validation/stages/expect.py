"""Does the structure fulfil every ``expect`` of the program: what is judged after sampling, such as
``e_above_hull < 0.2 eV/atom``?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scoutlang.evaluation.expressions import measures
from scoutlang.evaluation.margins import all_hold
from scoutlang.evaluation.measure import TermMeasurement, measure_terms, of_structure_alone
from scoutlang.ir import Term
from scoutlang.support.batching import each
from scoutlang.validation.record import Outcome, Record, Value, number
from scoutlang.validation.stages import Context, Stage, describe


@dataclass(frozen=True)
class Expect(Stage):
    """Needs ``geometry``; adds ``expected`` and the columns of the terms whose value comes from
    another stage (``e_above_hull``).

    passed: all hold; failed: one does not; undefined: one has no value; skipped: the program
    expects nothing.
    """

    batch_size: int = 64

    name = "expect"
    needs = ("geometry",)
    adds = ("expected", "exact: *", "margin: *", "satisfied: *")
    after = ("energy", "hits", "hull", "novel", "screen", "unique")
    asks = ("program",)

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        terms = [term for term in context.program.terms if term.verb == "expect"]
        if not terms:
            return [Outcome("skipped", "the program expects nothing") for _ in records]
        outcomes: list[Outcome] = []
        for start in range(0, len(records), self.batch_size):
            outcomes.extend(_ask(records[start : start + self.batch_size], terms))
            context.report(len(outcomes), len(records))
        return outcomes


def _ask(records: Sequence[Record], terms: Sequence[Term]) -> list[Outcome]:
    columns = [term for term in terms if not of_structure_alone(term)]
    names = {m.descriptor for term in columns for m in measures(term.claim)}

    def ask(some: Sequence[Record]) -> list[list[TermMeasurement]]:
        given = {name: [_number(record.value(name)) for record in some] for name in names}
        return measure_terms(columns, [record.structure for record in some], given)

    labels = [term.label for term in columns]
    return [
        Outcome("failed", describe(row))
        if isinstance(row, Exception)
        else _outcome(record, terms, dict(zip(labels, row, strict=True)))
        for record, row in zip(records, each(ask, records), strict=True)
    ]


def _outcome(
    record: Record, terms: Sequence[Term], columns: Mapping[str, TermMeasurement]
) -> Outcome:
    values: dict[str, Value] = {}
    truths: dict[str, bool | None] = {}
    for label, found in columns.items():
        values[f"exact: {label}"] = number(found.exact)
        values[f"margin: {label}"] = number(found.margin)
        values[f"satisfied: {label}"] = found.satisfied
    for term in terms:
        truth = (
            values[f"satisfied: {term.label}"]
            if term.label in columns
            else record.value(f"satisfied: {term.label}")
        )
        truths[term.label] = truth if isinstance(truth, bool) else None
    expected = all_hold(truths.values())
    values["expected"] = expected
    if expected:
        return Outcome("passed", values=values)
    if expected is None:
        return Outcome("undefined", f"no value for {_labels(truths, None)}", values)
    return Outcome("failed", f"does not hold: {_labels(truths, False)}", values)


def _number(value: Value) -> float | None:
    """A column as a number; true and false are 1 and 0."""
    return float(value) if isinstance(value, int | float) else None


def _labels(truths: Mapping[str, bool | None], verdict: bool | None) -> str:
    return ", ".join(label for label, truth in truths.items() if truth is verdict)


STAGE = Expect()
