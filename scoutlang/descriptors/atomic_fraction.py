"""atomic_fraction(A): share of the atoms of the cell that are A, from 0 to 1.

x = Σ_i p_i(A) / n; exact: with whole atoms. 0 where A is absent: that is its share. It reads no
geometry, so coordinates and cell have no gradient; the species probabilities have one. An atom that
is partly masked counts by what is decided of it.

Tolerance 0.02, scale 0.1: in a cell of 20 atoms one atom is 0.05, so a target must be met with the
whole numbers of the cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scoutlang.ir.signatures import DescriptorSignature

if TYPE_CHECKING:
    from torch import Tensor

    from scoutlang.crystals.batch import CrystalBatch
    from scoutlang.crystals.neighbours import DescriptorValue
    from scoutlang.ir import Measure

SIGNATURE = DescriptorSignature(
    name="atomic_fraction",
    summary="share of the atoms that are A",
    dimension="dimensionless",
    species=1,
    scale=0.1,
    tolerance=0.02,
    maximum=1.0,
    monotone=1,
    example="require atomic_fraction(Cu) >= 0.25",
)


def soft(batch: CrystalBatch, measure: Measure, sharpness: float | Tensor = 8.0) -> DescriptorValue:
    """(B,), differentiable in species probabilities. There is no smooth step: ``sharpness`` changes
    nothing.
    """
    from scoutlang.crystals.neighbours import DescriptorValue

    return DescriptorValue.soft(*share(batch, measure))


def exact(batch: CrystalBatch, measure: Measure) -> DescriptorValue:
    """(B,)."""
    from scoutlang.crystals.neighbours import DescriptorValue
    from scoutlang.descriptors._composition import whole

    return DescriptorValue.exact(*share(whole(batch), measure))


def formula(measure: Measure) -> str:
    return f"number of {measure.species[0].text} / number of atoms"


def share(batch: CrystalBatch, measure: Measure) -> tuple[Tensor, Tensor]:
    """→ share of A (B,), whether it is known (B,)."""
    from scoutlang.descriptors._composition import mean_over_atoms
    from scoutlang.ir.elements import SYMBOLS

    return mean_over_atoms(batch, {e: float(e in measure.species[0].elements) for e in SYMBOLS})
