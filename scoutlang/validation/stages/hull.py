"""Energy above the convex hull of the reference set, every energy from the same potential.

A composition is judged by the hull of its own elements: its decomposition products cannot hold
others, so nothing is lost, and an element that the reference lacks spoils only the compositions
that contain it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram

from scoutlang.potentials import Evaluation, Potential, Report
from scoutlang.validation.record import Outcome, Record
from scoutlang.validation.reference import Reference, ReferenceStructure
from scoutlang.validation.stages import Context, Stage


@dataclass(frozen=True)
class Hull(Stage):
    """Needs ``energy``; adds ``e_above_hull`` (eV/atom; negative: below the reference's hull) and
    ``hull_lacks``: how many known crystals of these elements have no energy by this potential, and
    so are not in the hull. Undefined where the hull is incomplete.
    """

    batch_size: int = 16

    name = "hull"
    needs = ("energy",)
    adds = ("e_above_hull", "hull_lacks")
    asks = ("potential", "reference")

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        elements = {
            symbol for r in records for symbol in r.structure.composition.chemical_system_set
        }
        known = evaluated(
            elements,
            context.potential,
            context.reference,
            batch_size=self.batch_size,
            report=context.report,
        )
        entries = entries_of(known)
        lost = [
            frozenset(k.structure.composition.chemical_system_set) for k, e in known if e.reason
        ]
        hulls: dict[frozenset[str], PhaseDiagram | str] = {}
        outcomes = []
        for record in records:
            own = frozenset(record.structure.composition.chemical_system_set)
            if own not in hulls:
                hulls[own] = build(own, entries)
            outcomes.append(_judge(record, hulls[own], sum(elements <= own for elements in lost)))
        return outcomes


def reference_entries(
    elements: set[str], potential: Potential, reference: Reference
) -> list[PDEntry]:
    """The crystals of the reference that hold no other elements, with their energies by this
    potential; without those that have none.
    """
    return entries_of(evaluated(elements, potential, reference))


def evaluated(
    elements: set[str],
    potential: Potential,
    reference: Reference,
    *,
    batch_size: int = 16,
    report: Report | None = None,
) -> list[tuple[ReferenceStructure, Evaluation]]:
    """The crystals of the reference that hold no other elements, and what this potential says of
    each.
    """
    known = reference.subset(elements)
    return list(
        zip(
            known,
            potential.energies([k.structure for k in known], batch_size=batch_size, report=report),
            strict=True,
        )
    )


def entries_of(known: Iterable[tuple[ReferenceStructure, Evaluation]]) -> list[PDEntry]:
    return [
        PDEntry(k.structure.composition, e.energy * len(k.structure), name=k.id)
        for k, e in known
        if not e.reason
    ]


def build(elements: frozenset[str], entries: Sequence[PDEntry]) -> PhaseDiagram | str:
    """The phase diagram of these elements, or why there is none: an element without a reference of
    its own.
    """
    inside = [e for e in entries if e.composition.chemical_system_set <= elements]
    missing = sorted(elements - {e.composition.chemical_system for e in inside if e.is_element})
    if missing:
        return f"hull incomplete: no reference energy for elemental {', '.join(missing)}"
    return PhaseDiagram(inside)


def _judge(record: Record, hull: PhaseDiagram | str, lacks: int) -> Outcome:
    if isinstance(hull, str):
        return Outcome("undefined", hull, {"e_above_hull": None, "hull_lacks": lacks})
    energy = record.number("energy")
    assert energy is not None  # `needs` promises it
    height = energy - float(hull.get_hull_energy_per_atom(record.structure.composition))
    return Outcome("passed", values={"e_above_hull": height, "hull_lacks": lacks})


STAGE = Hull()
