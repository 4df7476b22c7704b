"""count(A): number of A atoms in the cell as it is given. A supercell has more.

N = n · atomic_fraction(A), so Σ_i p_i(A) once every atom is decided; exact: whole atoms. 0 where A
is absent. It reads no geometry, so coordinates and cell have no gradient; the species probabilities
have one.

Tolerance 0.5, scale 1: whole numbers. The number of all atoms is fixed before sampling (`require
atoms`), which elements they are is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scoutlang.descriptors.atomic_fraction import share
from scoutlang.ir.signatures import DescriptorSignature

if TYPE_CHECKING:
    from torch import Tensor

    from scoutlang.crystals.batch import CrystalBatch
    from scoutlang.crystals.neighbours import DescriptorValue
    from scoutlang.ir import Measure

SIGNATURE = DescriptorSignature(
    name="count",
    summary="number of A atoms in the cell",
    dimension="dimensionless",
    species=1,
    scale=1.0,
    tolerance=0.5,
    extensive=True,
    monotone=1,
    example="require count(Cu) = 4",
)


def soft(batch: CrystalBatch, measure: Measure, sharpness: float | Tensor = 8.0) -> DescriptorValue:
    """Atoms (B,), differentiable in species probabilities. There is no smooth step: ``sharpness``
    changes nothing.
    """
    from scoutlang.crystals.neighbours import DescriptorValue

    value, known = share(batch, measure)
    return DescriptorValue.soft(value * batch.num_atoms, known)


def exact(batch: CrystalBatch, measure: Measure) -> DescriptorValue:
    """Atoms (B,)."""
    from scoutlang.crystals.neighbours import DescriptorValue
    from scoutlang.descriptors._composition import whole

    value, known = share(whole(batch), measure)
    return DescriptorValue.exact((value * batch.num_atoms).round(), known)


def formula(measure: Measure) -> str:
    return f"number of {measure.species[0].text}"
