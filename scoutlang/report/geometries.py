"""The geometries of the structures of a run: as they were sampled, and after each way of relaxing.
They are never mixed: whatever is said of a structure says of which geometry it is true.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from scoutlang.report.shortlist import AS_SAMPLED
from scoutlang.runs.relaxed import Relaxation, Relaxed, moved
from scoutlang.validation.funnel import left_at
from scoutlang.validation.pipeline import Validation
from scoutlang.validation.record import Record
from scoutlang.validation.table import GEOMETRY_COLUMNS, p_value

_LABELS = {
    AS_SAMPLED: "as sampled",
    "energy": "relaxed by the energy alone",
    "constraint": "relaxed with the constraint",
}


@dataclass(frozen=True)
class Geometry:
    """One of them, for all structures of a run."""

    validation: Validation
    """What was found in this geometry."""
    relaxation: Relaxation | None = None
    """How it was made; None: as sampled."""

    @property
    def name(self) -> str:
        """``sampled``, ``energy`` or ``constraint``, as `Candidate.geometry`."""
        return self.relaxation.name if self.relaxation else AS_SAMPLED

    @property
    def label(self) -> str:
        """``relaxed with the constraint``."""
        return _LABELS.get(self.name, self.title)

    @property
    def title(self) -> str:
        """The label with its settings: ``relaxed with the constraint, ρ = 0.5 eV/atom``."""
        return self.relaxation.title if self.relaxation else _LABELS[AS_SAMPLED]

    @cached_property
    def records(self) -> dict[str, Record]:
        """By id, those that have a structure in this geometry."""
        return {
            record.id: record
            for record in self.validation.records
            if record.generated.structure is not None
        }

    def relaxed(self, record: Record) -> Relaxed | None:
        """What became of a structure; None where it was not to be relaxed in this way."""
        if self.relaxation is None:
            return None
        return self.relaxation.structures.get(record.arm, {}).get(record.generated.index)

    def moved(self, record: Record) -> float | None:
        """Å, the largest shift of an atom since `record`, the structure as it was sampled."""
        after = self.records.get(record.id)
        if after is None or record.generated.structure is None:
            return None
        return moved(record.structure, after.structure)

    def ended(self, record: Record) -> str | None:
        """How the relaxation of a structure ended, or why there was none."""
        found = self.relaxed(record)
        if found is None:
            return None
        if found.reason:
            return found.reason
        return f"{'converged' if found.converged else 'not converged'} after {found.steps} steps"


def geometries(validation: Validation, relaxations: Iterable[Relaxation] = ()) -> list[Geometry]:
    """As sampled first, then what was relaxed by the potential of the run."""
    ways = [Geometry(one.validation, one) for one in relaxations if not one.confirms]
    return [Geometry(validation), *ways]


def candidates_in(some: Sequence[Geometry]) -> dict[str, list[Geometry]]:
    """id → the geometries in which a structure is a candidate (U ∩ S ∩ O ∩ C), that in which it is
    shown first. As in the shortlist, as sampled counts only where nothing was relaxed.
    """
    found: dict[str, list[Geometry]] = {}
    for geometry in some[1:] or some:
        for record in geometry.records.values():
            if left_at(record) is None:
                found.setdefault(record.id, []).append(geometry)
    return found


# ---- from hits to candidates ----


def counts(geometry: Geometry) -> list[tuple[str, list[str]]]:
    """Arm and cells of each row of that table, in one geometry."""
    return [
        (arm.arm, [cell(arm) for _, cell in GEOMETRY_COLUMNS])
        for arm in geometry.validation.table().arms
    ]


def comparisons(geometry: Geometry) -> list[str]:
    """What the tests between the arms say of one geometry: as far as there are both arms."""
    summary = geometry.validation.table()
    asked = [
        ("more hits guided", summary.enrichment),
        ("more candidates guided", summary.yields),
        ("more candidates guided than by prototypes", summary.control),
    ]
    return [
        f"{what}: {p_value(test.p_fisher)}"
        for what, test in asked
        if test is not None and test.p_fisher is not None
    ]
