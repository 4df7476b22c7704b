"""Is it the first of its kind in its arm? `scoutlang.descriptors.unique` says what counts as the same, and how groups are made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from scoutlang.ir import Arm
from scoutlang.validation.matching import Known, reduced
from scoutlang.validation.record import Outcome, Record
from scoutlang.validation.stages import Context, one_by_one


@dataclass(frozen=True)
class Unique:
    """Needs ``geometry``; adds ``unique`` and, for a duplicate, ``duplicate_of``: the id of the structure that it repeats.

    passed: unique, the set U; failed: a duplicate.
    """

    name: ClassVar[str] = "unique"
    needs: ClassVar[tuple[str, ...]] = ("geometry",)
    adds: ClassVar[tuple[str, ...]] = ("unique", "duplicate_of")

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
