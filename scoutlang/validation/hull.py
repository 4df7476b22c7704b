"""Energies above the convex hull of a reference, every energy from the same potential.

A composition is judged by the hull of its own elements: its decomposition products cannot hold
others, so nothing is lost, and an element that the reference lacks spoils only the compositions
that contain it.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import nan

from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition, Structure
from torch import Tensor

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors._structures import decided_structures
from scoutlang.ir import Program
from scoutlang.potentials import Evaluation, Potential, Report
from scoutlang.validation.record import Record
from scoutlang.validation.reference import Reference

METASTABLE = 0.2
"""eV/atom above the hull, unrelaxed: the window of the paper (arXiv:2604.13354, section 3.6)."""


class Hulls:
    """The hulls of all systems of some elements. The energies of the reference are looked up once,
    when this is made; ``report(done, total)`` is told how far that is.
    """

    def __init__(
        self,
        elements: Iterable[str],
        potential: Potential,
        reference: Reference,
        *,
        batch_size: int = 16,
        report: Report | None = None,
    ) -> None:
        known = reference.subset(set(elements))
        structures = [one.structure for one in known]
        energies = potential.energies(structures, batch_size=batch_size, report=report)
        found = list(zip(known, energies, strict=True))
        self._entries = [
            PDEntry(one.structure.composition, e.energy * len(one.structure), name=one.id)
            for one, e in found
            if not e.reason
        ]
        self._without_energy = [_system(k.structure.composition) for k, e in found if e.reason]
        self._diagrams: dict[frozenset[str], PhaseDiagram | str] = {}

    def height(self, composition: Composition, energy: float) -> float | str:
        """eV/atom above the hull of the composition's elements, negative below it, from its energy
        in eV/atom; or why that hull is incomplete.
        """
        diagram = self._diagram(_system(composition))
        if isinstance(diagram, str):
            return diagram
        return energy - float(diagram.get_hull_energy_per_atom(composition))

    def formation(self, composition: Composition, energy: float) -> float | str:
        """eV/atom of forming the composition from its elements, each as the most stable crystal of
        the reference, from its energy in eV/atom; or why one of those is not known.
        """
        diagram = self._diagram(_system(composition))
        if isinstance(diagram, str):
            return diagram
        apart = sum(
            composition.get_atomic_fraction(element) * entry.energy_per_atom
            for element, entry in diagram.el_refs.items()
        )
        return energy - float(apart)

    def lacking(self, composition: Composition) -> int:
        """How many known crystals of these elements have no energy, and so are not in the hull."""
        own = _system(composition)
        return sum(elements <= own for elements in self._without_energy)

    def of_reference(self) -> dict[str, float]:
        """Reference id → height of that crystal, 0 on the hull, where the hull is complete."""
        heights = {e.name: self.height(e.composition, e.energy_per_atom) for e in self._entries}
        return {id_: height for id_, height in heights.items() if isinstance(height, float)}

    def _diagram(self, elements: frozenset[str]) -> PhaseDiagram | str:
        if elements not in self._diagrams:
            self._diagrams[elements] = self._build(elements)
        return self._diagrams[elements]

    def _build(self, elements: frozenset[str]) -> PhaseDiagram | str:
        """The phase diagram, or why there is none: an element without a reference of its own."""
        inside = [e for e in self._entries if _system(e.composition) <= elements]
        missing = sorted(elements - {e.composition.chemical_system for e in inside if e.is_element})
        if missing:
            return f"hull incomplete: no reference energy for elemental {', '.join(missing)}"
        return PhaseDiagram(inside)


class Heights:
    """What resampling asks for (`guide stability`): energies above the hull of crystals that are
    not finished. The hull is that of the validation: the same potential, the same reference.
    """

    def __init__(self, elements: Iterable[str], potential: Potential, reference: Reference) -> None:
        self._potential = potential
        self._hulls = Hulls(elements, potential, reference)

    @classmethod
    def asked(cls, program: Program, potential: Potential, reference: Reference) -> Heights | None:
        """What the guide of this program needs; None where it asks for no energies."""
        guide = program.guide
        wanted = (
            program.is_guided
            and guide.method == "adaptive"
            and guide.resample > 0
            and guide.stability > 0
        )
        return cls(program.system, potential, reference) if wanted else None

    def __call__(self, batch: CrystalBatch) -> Tensor:
        """eV/atom (B,), NaN where there is none; every atom is taken for its most probable
        element.
        """
        structures = decided_structures(batch, least=0.0)
        crystals = [s for s in structures if s is not None]
        # one by one: the last digits depend on what is computed together
        energies = iter(self._potential.energies(crystals, batch_size=1))
        return batch.frac.new_tensor(
            [nan if s is None else self._height(s, next(energies)) for s in structures]
        )

    def _height(self, structure: Structure, evaluation: Evaluation) -> float:
        if evaluation.reason:
            return nan
        height = self._hulls.height(structure.composition, evaluation.energy)
        return nan if isinstance(height, str) else height


def is_metastable(record: Record) -> bool:
    """Whether it is known to be in S."""
    return record.e_above_hull is not None and record.e_above_hull <= METASTABLE


def _system(composition: Composition) -> frozenset[str]:
    return frozenset(composition.chemical_system_set)
