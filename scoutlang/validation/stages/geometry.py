"""Is there a crystal at all?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scoutlang.potentials import malformed
from scoutlang.validation.record import Outcome, Record
from scoutlang.validation.stages import Context, Stage, one_by_one


@dataclass(frozen=True)
class Geometry(Stage):
    """The first question: the others are asked of crystals only."""

    smallest_volume: float = 1.0
    """Å^3/atom; diamond has 5.7."""
    largest_volume: float = 1000.0
    """Å^3/atom; caesium has 110, cells with vacuum a few hundred."""
    smallest_height: float = 0.1
    """Å, the least distance between opposite faces of the cell: a flatter one is degenerate, and
    the number of its images has no useful bound.
    """

    name = "geometry"
    question = "is there a crystal: atoms, finite numbers, 1–1000 Å^3 per atom, no flat cell"
    keeps = ("crystals", "")
    adds = ("volume_per_atom",)

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        return one_by_one(self._ask, records, context)

    def _ask(self, record: Record) -> Outcome:
        structure = record.generated.structure
        if structure is None:
            return Outcome(
                "failed", f"no structure: {record.generated.failure or 'no reason given'}"
            )
        if lacking := record.generated.lacking:
            return Outcome("undefined", f"the crystal is not whole: {lacking}")
        if flaw := malformed(structure):
            return Outcome("failed", flaw)
        volume = float(structure.volume) / len(structure)
        if not self.smallest_volume <= volume <= self.largest_volume:
            bounds = f"{self.smallest_volume:g}–{self.largest_volume:g}"
            return Outcome("failed", f"volume {volume:.3g} Å^3/atom is outside {bounds}")
        height = 1 / float(np.linalg.norm(structure.lattice.inv_matrix, axis=0).max())
        if height < self.smallest_height:
            return Outcome("failed", f"degenerate cell: two faces only {height:.2g} Å apart")
        return Outcome("passed", values={"volume_per_atom": volume})


STAGE = Geometry()
