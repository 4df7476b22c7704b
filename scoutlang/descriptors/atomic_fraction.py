"""atomic_fraction(A): share of the atoms of the cell that are A, from 0 to 1.

x = Σ_i p_i(A) / n; exact: with whole atoms. 0 where A is absent: that is its share. It reads no
geometry, so coordinates and cell have no gradient; the species probabilities have one. An atom that
is partly masked counts by what is decided of it.

Tolerance 0.02, scale 0.1: in a cell of 20 atoms one atom is 0.05, so a target must be met with the
whole numbers of the cell.
"""

from __future__ import annotations

from scoutlang.descriptors._composition import mean_over_atoms
from scoutlang.descriptors._later import CrystalBatch, Tensor
from scoutlang.descriptors._values import of_crystals
from scoutlang.ir import Measure
from scoutlang.ir.elements import SYMBOLS
from scoutlang.ir.signatures import DescriptorSignature

SIGNATURE = DescriptorSignature(
    name="atomic_fraction",
    summary="share of the atoms that are A",
    species=1,
    scale=0.1,
    tolerance=0.02,
    maximum=1.0,
    monotone=1,
    role="share",
    example="require atomic_fraction(Cu) >= 0.25",
)


def formula(measure: Measure) -> str:
    return f"number of {measure.species[0].text} / number of atoms"


def share(batch: CrystalBatch, measure: Measure) -> tuple[Tensor, Tensor]:
    """→ share of A (B,), whether it is known (B,)."""
    return mean_over_atoms(batch, {e: float(e in measure.species[0].elements) for e in SYMBOLS})


soft, exact = of_crystals(share)
