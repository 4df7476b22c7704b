"""Is it the first of its kind in its arm? `scoutlang.descriptors.unique` says what counts as the same, and how groups are made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from scoutlang.ir import Arm
from scoutlang.validation.matching import Known, reduced
from scoutlang.validation.record import Outcome, Record
from scoutlang.validation.stages import Context, Stage, one_by_one


@dataclass(frozen=True)
class Unique(Stage):
    """Needs ``geometry``; adds ``unique`` and, for a duplicate, ``duplicate_of``: the id of the structure that it repeats.

    passed: unique, the set U; failed: a duplicate.
    """

    name = "unique"
    needs = ("geometry",)
    adds = ("unique", "duplicate_of")

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        firsts: defaultdict[Arm, Known] = defaultdict(Known)

        def ask(record: Record) -> Outcome:
            candidate = reduced(record.structure)
            first = firsts[record.arm].find(candidate)
            if first is None:
                firsts[record.arm].add(record.id, candidate)
                return Outcome("passed", values={"unique": True, "duplicate_of": None})
            return Outcome("failed", f"the same as {first}", {"unique": False, "duplicate_of": first})

        return one_by_one(ask, records, context)


STAGE = Unique()
