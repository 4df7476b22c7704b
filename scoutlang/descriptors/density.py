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

from scoutlang.descriptors._composition import per_volume
from scoutlang.descriptors._later import CrystalBatch, Tensor
from scoutlang.descriptors._values import of_crystals
from scoutlang.ir import Measure, Relation
from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.ir.signatures import Concern, DescriptorSignature

_DALTON = 1.66053906892  # g/cm^3 of one atomic mass unit in 1 Å^3
_DENSEST = 23.0  # g/cm^3, somewhat above osmium
_LIGHTEST = 0.08  # g/cm^3, somewhat below solid hydrogen


def formula(measure: Measure) -> str:
    return f"{_DALTON} Σ m / V in g/cm^3, m in u, V in Å^3"


def concerns(measure: Measure, relation: Relation) -> Iterator[Concern]:
    """Denser or lighter than anything."""
    least = relation.low if relation.target is None else relation.target - (relation.tolerance or 0)
    if least is not None and least > _DENSEST:
        yield Concern(
            "W055",
            f"nothing known has {least:.4g} g/cm^3 at ambient pressure",
            "osmium, the densest element, has 22.6 g/cm^3",
        )
    aim = relation.high if relation.target is None else relation.target  # −∞ of a wish
    if aim is not None and 0 <= aim < _LIGHTEST:
        yield Concern(
            "W055",
            f"no crystal has {aim:.4g} g/cm^3",
            "hydrogen, the lightest, has 0.09 g/cm^3; 1 g/cm^3 is 1000 kg/m^3",
        )


def _density(batch: CrystalBatch, measure: Measure) -> tuple[Tensor, Tensor]:
    from ase.data import atomic_masses

    return per_volume(
        batch, {symbol: float(atomic_masses[z]) for symbol, z in ATOMIC_NUMBER.items()}, _DALTON
    )


soft, exact = of_crystals(_density)

SIGNATURE = DescriptorSignature(
    name="density",
    summary="mass per volume",
    dimension="density",
    tolerance=0.25,
    example="require density <= 5 g/cm^3",
    concerns=concerns,
)
