"""Is it in the reference set already? `scoutlang.descriptors.novel` says what counts as the same, and what novelty against a set means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pymatgen.core import Composition, Structure

from scoutlang.validation.matching import reduced, same
from scoutlang.validation.record import Outcome, Record
from scoutlang.validation.reference import Reference
from scoutlang.validation.stages import Context, asked, not_asked, one_by_one


@dataclass(frozen=True)
class Novel:
    """Needs ``geometry``; adds ``novel``, ``compared`` (reference crystals of the same reduced formula) and ``matched`` (the id of the first that is the same).

    passed: novel; failed: known; skipped: no term asks.
    """

    name: ClassVar[str] = "novel"
    needs: ClassVar[tuple[str, ...]] = ("geometry",)
    adds: ClassVar[tuple[str, ...]] = ("novel", "compared", "matched")

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        if not asked(context.program, self.name):
            return not_asked(records, context)
        known: dict[str, list[tuple[str, Structure]]] = {}

        def ask(record: Record) -> Outcome:
            composition = record.structure.composition
            if composition.reduced_formula not in known:
                known[composition.reduced_formula] = _of_formula(context.reference, composition)
            candidates = known[composition.reduced_formula]
            mine = reduced(record.structure)
            matched = next((id_ for id_, structure in candidates if same(mine, structure)), None)
            values = {"novel": matched is None, "compared": len(candidates), "matched": matched}
            return Outcome("passed", values=values) if matched is None else Outcome("failed", f"known as {matched}", values)

        return one_by_one(ask, records, context)


def _of_formula(reference: Reference, composition: Composition) -> list[tuple[str, Structure]]:
    inside = reference.subset(composition.chemical_system_set)
    return [(r.id, reduced(r.structure)) for r in inside if r.structure.composition.reduced_formula == composition.reduced_formula]
