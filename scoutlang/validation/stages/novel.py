"""Is it in the reference set already? `scoutlang.descriptors.novel` says what counts as the same,
and what novelty against a set means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from scoutlang.validation.matching import Known, TooSlender, reduced, scaling
from scoutlang.validation.record import Outcome, Record
from scoutlang.validation.stages import Column, Context, Stage, one_by_one


@dataclass(frozen=True)
class Novel(Stage):
    """passed: novel, the set O; failed: known."""

    name = "novel"
    question = "is it in the reference (StructureMatcher, the settings of MatterGen)"
    needs = ("geometry",)
    seconds = 0.005
    keeps = ("original", "O")
    loses = "in the reference set"
    adds = (
        Column("novel", "not in the reference set", "truth"),
        "compared",  # reference crystals of the same reduced formula
        "matched",  # the id of the first of them that is the same
    )
    asks = ("reference",)

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        formulas = {r.structure.composition.reduced_formula for r in records}
        elements = {
            symbol for r in records for symbol in r.structure.composition.chemical_system_set
        }
        references = [
            r
            for r in context.reference.subset(elements)
            if r.structure.composition.reduced_formula in formulas
        ]
        candidates = Counter(r.structure.composition.reduced_formula for r in references)
        known = Known()
        structures = {reference.id: reference.structure for reference in references}
        slender: dict[str, str] = {}  # formula → the id of a known crystal that cannot be compared
        for reference in references:
            try:
                known.add(reference.id, reduced(reference.structure))
            except TooSlender:
                formula = reference.structure.composition.reduced_formula
                slender.setdefault(formula, reference.id)

        def ask(record: Record) -> Outcome:
            formula = record.structure.composition.reduced_formula
            compared = candidates[formula]
            try:
                matched = known.find(reduced(record.structure)) if compared else None
            except TooSlender as error:
                return Outcome("undefined", str(error))
            if matched is None and formula in slender:
                return Outcome("undefined", f"{slender[formula]} is too slender to be compared")
            values = {"novel": matched is None, "compared": compared, "matched": matched}
            if matched is None:
                return Outcome("passed", values=values)
            scaled = scaling(record.structure, structures[matched])
            return Outcome("failed", f"known as {matched}{scaled}", values)

        return one_by_one(ask, records, context)


STAGE = Novel()
