"""Energy of the structure as it is: relaxing would change the very geometry that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scoutlang.validation.record import Outcome, Record, number
from scoutlang.validation.stages import Context, Stage


@dataclass(frozen=True)
class Energy(Stage):
    """eV/atom, by the run's potential."""

    batch_size: int = 1
    """The last digits of an energy depend on what it is computed with; CHGNet is as fast alone."""

    name = "energy"
    question = "energy as it is, unrelaxed"
    needs = ("screen",)
    seconds = 0.02
    adds = ("energy",)
    asks = ("potential",)
    kept = False  # energies have a cache of their own, and a failure may pass

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        evaluations = context.potential.energies(
            [r.structure for r in records], batch_size=self.batch_size, report=context.report
        )
        return [
            Outcome("failed" if e.reason else "passed", e.reason, {"energy": number(e.energy)})
            for e in evaluations
        ]


STAGE = Energy()
