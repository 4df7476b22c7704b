"""One immutable record per generated structure: what was found out, stage by stage, and why it was
dropped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from pymatgen.core import Structure

from scoutlang.crystals.specimen import Specimen
from scoutlang.evaluation.measurement import TermMeasurement, Verdict, columns
from scoutlang.ir import Arm
from scoutlang.support.showing import Shown

if TYPE_CHECKING:
    from ase import Atoms

Status = Literal["passed", "failed", "undefined", "skipped"]
Value = float | int | bool | str | None

IDENTITY = frozenset({"id", "arm", "seed", "index", "origin", "formula", "num_atoms", "notes"})
"""Columns of the record itself, which no stage adds."""

STATUSES: tuple[Status, ...] = ("passed", "failed", "undefined", "skipped")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one stage says about one structure."""

    status: Status
    """passed / failed: the stage's question has an answer; undefined: it has none (species absent,
    no reference); skipped: a stage that this one needs was not passed.
    """
    reason: str = ""
    """Empty only for ``passed``."""
    values: Mapping[str, Value] = field(default_factory=dict)
    """The columns that the stage adds; a quantity without a value is None, never zero or NaN."""
    terms: tuple[TermMeasurement, ...] = ()
    """The terms of the program that the stage has measured."""

    def columns(self) -> dict[str, Value]:
        """Values and terms as columns of a table. ``hit`` stands before the terms that decide it,
        all else behind them.
        """
        first = {"hit": self.values["hit"]} if "hit" in self.values else {}
        terms = {name: value for term in self.terms for name, value in columns(term).items()}
        return {**first, **terms, **self.values}


@dataclass(frozen=True, repr=False)
class Record(Shown):
    """The life of one generated structure."""

    id: str
    """``{run}-{arm}-{seed}-{index}``."""
    generated: Specimen
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    """Every stage that has run, in order, with what it said."""

    def __repr__(self) -> str:
        structure = self.generated.structure
        what = structure.composition.reduced_formula if structure else "no structure"
        hit = {True: "a hit", False: "no hit", None: "hit or not is undefined"}[self.hit]
        height = self.e_above_hull
        above = "" if height is None else f", {height:.3f} eV/atom above the hull"
        return f"Record {self.id}: {what}, {hit}{above}"

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
    def hit(self) -> Verdict:
        """True / False by the exact evaluator; None when undefined."""
        value = self.value("hit")
        return value if isinstance(value, bool) else None

    @property
    def e_above_hull(self) -> float | None:
        """eV/atom, unrelaxed, by the run's potential; None when there is none."""
        return self.number("e_above_hull")

    def passed(self, stage: str) -> bool:
        return stage in self.outcomes and self.outcomes[stage].status == "passed"

    def value(self, name: str) -> Value:
        """The value of a column that some stage added, else None."""
        return next(
            (outcome.values[name] for outcome in self.outcomes.values() if name in outcome.values),
            None,
        )

    def number(self, name: str) -> float | None:
        """The value of a column as a number; true and false are 1 and 0."""
        value = self.value(name)
        return float(value) if isinstance(value, int | float) else None

    def term(self, label: str) -> TermMeasurement:
        """What was measured of a term; a measurement without any value where no stage has measured
        it.
        """
        measured = (term for outcome in self.outcomes.values() for term in outcome.terms)
        nothing = TermMeasurement(label, reason="it was not measured")
        return next((term for term in measured if term.label == label), nothing)

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
        if g.doubts:
            row["notes"] = "; ".join(g.doubts)
        for stage, outcome in self.outcomes.items():
            row[f"{stage}_status"] = outcome.status
            row[f"{stage}_reason"] = outcome.reason
            row.update(outcome.columns())
        return row


def by_arm(records: Iterable[Record]) -> dict[Arm, list[Record]]:
    """The records of each arm that has some, in their order."""
    arms: dict[Arm, list[Record]] = {}
    for record in records:
        arms.setdefault(record.arm, []).append(record)
    return arms


def in_arm(record: Record) -> tuple[int, int]:
    """What orders the records of an arm, whatever their order in a sequence."""
    return record.generated.seed, record.generated.index


def number(value: float | None) -> float | None:
    """A finite float, or None: the only form in which numbers enter a record."""
    return float(value) if value is not None and math.isfinite(value) else None
