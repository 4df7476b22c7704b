"""Energies above the hull of crystals that are not finished: what resampling asks for (`guide
stability`).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from pymatgen.analysis.phase_diagram import PhaseDiagram
from torch import Tensor

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors._structures import decided_structures
from scoutlang.ir import Program
from scoutlang.potentials import Potential
from scoutlang.validation.reference import Reference
from scoutlang.validation.stages.hull import build, reference_entries


class Heights:
    """CrystalBatch → eV/atom above the hull (B,), NaN where there is none; every atom is taken for
    its most probable element.

    The hull is that of the validation: the same potential, the same reference. Energies of the
    reference are looked up once, when this is made.
    """

    def __init__(self, elements: Iterable[str], potential: Potential, reference: Reference) -> None:
        self._potential = potential
        self._entries = reference_entries(set(elements), potential, reference)
        self._hulls: dict[frozenset[str], PhaseDiagram | str] = {}

    @classmethod
    def asked(cls, program: Program, potential: Potential, reference: Reference) -> Heights | None:
        """What the guide of this program needs; None where it asks for no energies."""
        guide = program.guide
        wanted = guide.method == "adaptive" and guide.resample > 0 and guide.stability > 0
        return cls(program.system, potential, reference) if wanted else None

    def __call__(self, batch: CrystalBatch) -> Tensor:
        structures = decided_structures(batch, least=0.0)
        energies = iter(self._potential.energies([s for s in structures if s is not None]))
        heights = []
        for structure in structures:
            evaluation = None if structure is None else next(energies)
            hull = (
                None
                if structure is None
                else self._hull(frozenset(structure.composition.chemical_system_set))
            )
            if (
                structure is None
                or evaluation is None
                or evaluation.reason
                or not isinstance(hull, PhaseDiagram)
            ):
                heights.append(torch.nan)
            else:
                heights.append(
                    evaluation.energy - float(hull.get_hull_energy_per_atom(structure.composition))
                )
        return batch.frac.new_tensor(heights)

    def _hull(self, elements: frozenset[str]) -> PhaseDiagram | str:
        if elements not in self._hulls:
            self._hulls[elements] = build(elements, self._entries)
        return self._hulls[elements]
