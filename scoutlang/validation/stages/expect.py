"""Does the structure fulfil every ``expect`` of the program: what is judged after sampling, such as ``e_above_hull < 0.2 eV/atom``?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from scoutlang.descriptors import modules
from scoutlang.ir import Term
from scoutlang.margins import all_hold, holds, margin
from scoutlang.validation.record import Outcome, Record, Value
from scoutlang.validation.stages import Context, one_by_one


@dataclass(frozen=True)
class Expect:
    """Needs ``geometry``; adds ``expected`` and the columns of the terms whose value comes from another stage (``e_above_hull``).

    passed: all hold; failed: one does not; undefined: one has no value; skipped: the program expects nothing.
    """

    name: ClassVar[str] = "expect"
    needs: ClassVar[tuple[str, ...]] = ("geometry",)
    adds: ClassVar[tuple[str, ...]] = ("expected", "exact: *", "margin: *", "satisfied: *")

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        terms = [term for term in context.program.terms if term.verb == "expect"]
        return one_by_one(lambda record: _ask(record, terms), records, context)


def measurable(term: Term) -> bool:
    """Whether the structure alone gives the value; otherwise it is the column of the same name that another stage adds."""
    return hasattr(modules()[term.measure.descriptor], "exact")


def _ask(record: Record, terms: Sequence[Term]) -> Outcome:
    if not terms:
        return Outcome("skipped", "the program expects nothing")
    values: dict[str, Value] = {}
    truths: dict[str, bool | None] = {}
    for term in terms:
        if measurable(term):
            truth = record.value(f"satisfied: {term.label}")
            truths[term.label] = truth if isinstance(truth, bool) else None
            continue
        found = record.value(term.measure.descriptor)
        value = float(found) if isinstance(found, int | float) else None
        truths[term.label] = holds(term.relation, value)
        values[f"exact: {term.label}"] = value
        values[f"margin: {term.label}"] = margin(term.relation, value)
        values[f"satisfied: {term.label}"] = truths[term.label]
    expected = all_hold(truths.values())
    values["expected"] = expected
    if expected:
        return Outcome("passed", values=values)
    if expected is None:
        return Outcome("undefined", f"no value for {_labels(truths, None)}", values)
    return Outcome("failed", f"does not hold: {_labels(truths, False)}", values)


def _labels(truths: Mapping[str, bool | None], verdict: bool | None) -> str:
    return ", ".join(label for label, truth in truths.items() if truth is verdict)
