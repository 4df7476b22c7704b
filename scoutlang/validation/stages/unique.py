"""Is it the first of its kind in its arm? `scoutlang.descriptors.unique` says what counts as the same, and how groups are made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pymatgen.core import Structure

from scoutlang.ir import Arm
from scoutlang.validation.matching import reduced, same
from scoutlang.validation.record import Outcome, Record
from scoutlang.validation.stages import Context, asked, not_asked, one_by_one


@dataclass(frozen=True)
class Unique:
    """Needs ``geometry``; adds ``unique`` and, for a duplicate, ``duplicate_of``: the id of the structure that it repeats.

    passed: unique; failed: a duplicate; skipped: no term asks. Up to 11 ms for each pair of one formula (measured, 12 atoms): 1000 structures of
    one element take an hour, which is why it runs only where it is asked for.
    """

    name: ClassVar[str] = "unique"
    needs: ClassVar[tuple[str, ...]] = ("geometry",)
    adds: ClassVar[tuple[str, ...]] = ("unique", "duplicate_of")

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        if not asked(context.program, self.name):
            return not_asked(records, context)
        firsts: defaultdict[tuple[Arm, str], list[tuple[str, Structure]]] = defaultdict(list)

        def ask(record: Record) -> Outcome:
            candidate = reduced(record.structure)
            known = firsts[record.arm, record.structure.composition.reduced_formula]
            first = next((id_ for id_, structure in known if same(candidate, structure)), None)
            if first is None:
                known.append((record.id, candidate))
                return Outcome("passed", values={"unique": True, "duplicate_of": None})
            return Outcome("failed", f"the same as {first}", {"unique": False, "duplicate_of": first})

        return one_by_one(ask, records, context)
