"""How far is the structure above the convex hull of the reference, by the same potential?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scoutlang.validation.hull import METASTABLE, Hulls, is_metastable
from scoutlang.validation.record import Outcome, Record, Value
from scoutlang.validation.stages import Column, Context, Stage


@dataclass(frozen=True)
class Hull(Stage):
    """Undefined where the hull is incomplete."""

    batch_size: int = 16

    name = "hull"
    question = "energy above the hull of the reference, all by the same potential"
    needs = ("energy",)
    keeps = ("metastable", "S")
    loses = f"more than {METASTABLE:g} eV/atom above the hull"
    adds = (
        Column("e_above_hull", "eV/atom above the convex hull of the reference, unrelaxed"),
        "formation_energy",  # eV/atom, from the elements of the reference, unrelaxed
        "hull_lacks",  # known crystals of these elements that have no energy by this potential
    )
    asks = ("potential", "reference")

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        hulls = Hulls(
            {symbol for r in records for symbol in r.structure.composition.chemical_system_set},
            context.potential,
            context.reference,
            batch_size=self.batch_size,
            report=context.report,
        )
        return [_judge(record, hulls) for record in records]

    def holds(self, record: Record) -> bool:
        return is_metastable(record)

    def why_lost(self, record: Record) -> str:
        if record.e_above_hull is not None:
            return self.loses
        outcomes = [record.outcomes[s] for s in ("energy", "hull") if s in record.outcomes]
        return next((o.reason for o in outcomes if o.status != "passed"), "hull did not run")


def _judge(record: Record, hulls: Hulls) -> Outcome:
    composition, energy = record.structure.composition, record.number("energy")
    assert energy is not None  # `needs` promises it
    height, formation = (of(composition, energy) for of in (hulls.height, hulls.formation))
    values: dict[str, Value] = {
        "e_above_hull": None,
        "formation_energy": None,
        "hull_lacks": hulls.lacking(composition),
    }
    if isinstance(height, str):
        return Outcome("undefined", height, values)
    return Outcome(
        "passed", values=values | {"e_above_hull": height, "formation_energy": formation}
    )


STAGE = Hull()
