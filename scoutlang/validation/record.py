"""One immutable record per generated structure: what was found out, stage by stage, and why it was
dropped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from pymatgen.core import Structure

from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import Arm

if TYPE_CHECKING:
    from ase import Atoms

Status = Literal["passed", "failed", "undefined", "skipped"]
Value = float | int | bool | str | None

STATUSES: tuple[Status, ...] = ("passed", "failed", "undefined", "skipped")


@dataclass(frozen=True)
class Outcome:
    """What one stage says about one structure.

    passed / failed: the stage's question has an answer; undefined: it has none (species absent, no
    reference); skipped: a stage that this one needs was not passed. ``reason`` is empty only for
    ``passed``. ``values`` are the columns that the stage adds; a quantity without a value is None,
    never zero or NaN.
    """

    status: Status
    reason: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """The life of one generated structure. ``outcomes`` maps every stage, in order, to its outcome."""

    id: str
    generated: Specimen
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)

    @property
    def arm(self) -> Arm:
        return self.generated.arm

    @property
    def structure(self) -> Structure:
        """The crystal. Raises ValueError where sampling gave none: stages ask for it only after
        ``geometry`` was passed.
        """
        return self.generated.crystal

    @property
    def atoms(self) -> Atoms:
        """The crystal for ASE; ``info`` has id and arm, and hit and e_above_hull (eV/atom) where
        they have a value. Raises as `structure`.
        """
        from ase import Atoms

        facts = {"id": self.id, "arm": self.arm, "hit": self.hit, "e_above_hull": self.e_above_hull}
        crystal = self.structure
        return Atoms(
            numbers=crystal.atomic_numbers,
            scaled_positions=crystal.frac_coords,
            cell=crystal.lattice.matrix,
            pbc=True,
            info={name: value for name, value in facts.items() if value is not None},
        )

    @property
    def hit(self) -> bool | None:
        """True / False by the exact evaluator; None when undefined."""
        value = self.value("hit")
        return value if isinstance(value, bool) else None

    @property
    def e_above_hull(self) -> float | None:
        """eV/atom, unrelaxed, by the run's potential; None when there is none."""
        value = self.value("e_above_hull")
        return float(value) if isinstance(value, int | float) else None

    def passed(self, stage: str) -> bool:
        return stage in self.outcomes and self.outcomes[stage].status == "passed"

    def value(self, name: str) -> Value:
        """The value of a column that some stage added, else None."""
        return next(
            (outcome.values[name] for outcome in self.outcomes.values() if name in outcome.values),
            None,
        )

    def after(self, stage: str, outcome: Outcome) -> Record:
        """This record with the outcome of one more stage."""
        return replace(self, outcomes={**self.outcomes, stage: outcome})

    def row(self) -> dict[str, Value]:
        """Flat columns for a table: identity, composition, then status, reason and values of every
        stage.
        """
        g = self.generated
        row: dict[str, Value] = {"id": self.id, "arm": g.arm, "seed": g.seed, "index": g.index}
        if g.origin is not None:
            row["origin"] = g.origin
        row["formula"] = g.structure.composition.reduced_formula if g.structure else None
        row["num_atoms"] = len(g.structure) if g.structure else None
        for stage, outcome in self.outcomes.items():
            row[f"{stage}_status"] = outcome.status
            row[f"{stage}_reason"] = outcome.reason
            row.update(outcome.values)
        return row


def number(value: float | None) -> float | None:
    """A finite float, or None: the only form in which numbers enter a record."""
    return float(value) if value is not None and math.isfinite(value) else None
