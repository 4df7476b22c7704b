"""density: mass per volume, in g/cm^3. Soft and exact are the same but for the species: soft takes
their probabilities.

ρ = u Σ_i m(i) / V, with the standard atomic weights m as in ASE (IUPAC 2016: Meija et al., Pure
Appl. Chem. 88, 265 (2016), doi:10.1515/pac-2015-0305) and u = 1.66053906892 · 10^-24 g (CODATA
2022). An atom that is partly masked weighs what its decided part does.

Undefined where the cell is broken. Tolerance 0.25 g/cm^3 (a lattice constant that is 1.5 % off
moves 5 g/cm^3 by as much), scale 1 g/cm^3. More than 23 g/cm^3 is doubted (W055): osmium, the
densest element, has 22.59 (Arblaster, Platinum Metals Rev. 39, 164 (1995)).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from scoutlang.ir.signatures import Concern, DescriptorSignature

if TYPE_CHECKING:
    from torch import Tensor

    from scoutlang.crystals.batch import CrystalBatch
    from scoutlang.crystals.neighbours import DescriptorValue
    from scoutlang.ir import Measure, Relation

_DALTON = 1.66053906892  # g/cm^3 of one atomic mass unit in 1 Å^3
_DENSEST = 23.0  # g/cm^3, somewhat above osmium


def soft(batch: CrystalBatch, measure: Measure, sharpness: float | Tensor = 8.0) -> DescriptorValue:
    """g/cm^3 (B,), differentiable in the cell and in species probabilities. There is no smooth
    step: ``sharpness`` changes nothing.
    """
    from scoutlang.crystals.neighbours import DescriptorValue

    return DescriptorValue.soft(*_density(batch, measure))


def exact(batch: CrystalBatch, measure: Measure) -> DescriptorValue:
    """g/cm^3 (B,)."""
    from scoutlang.crystals.neighbours import DescriptorValue
    from scoutlang.descriptors._composition import whole

    return DescriptorValue.exact(*_density(whole(batch), measure))


def formula(measure: Measure) -> str:
    return f"{_DALTON} Σ m / V in g/cm^3, m in u, V in Å^3"


def concerns(measure: Measure, relation: Relation) -> Iterator[Concern]:
    """Denser than anything."""
    least = relation.low if relation.target is None else relation.target - (relation.tolerance or 0)
    if least is not None and least > _DENSEST:
        yield Concern(
            "W055",
            f"nothing known has {least:.4g} g/cm^3 at ambient pressure",
            "osmium, the densest element, has 22.6 g/cm^3",
        )


def _density(batch: CrystalBatch, measure: Measure) -> tuple[Tensor, Tensor]:
    import torch
    from ase.data import atomic_masses

    from scoutlang.descriptors import volume_per_atom
    from scoutlang.descriptors._composition import mean_over_atoms
    from scoutlang.ir.elements import ATOMIC_NUMBER

    mass, known = mean_over_atoms(
        batch, {symbol: float(atomic_masses[z]) for symbol, z in ATOMIC_NUMBER.items()}
    )
    volume = volume_per_atom.soft(batch, measure)
    return _DALTON * mass / torch.where(
        volume.defined, volume.value, torch.ones_like(volume.value)
    ), known & volume.defined


SIGNATURE = DescriptorSignature(
    name="density",
    summary="mass per volume",
    dimension="density",
    species=0,
    scale=1.0,
    tolerance=0.25,
    example="require density <= 5 g/cm^3",
    concerns=concerns,
)
