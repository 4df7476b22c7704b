"""count(A): number of A atoms in the cell as it is given. A supercell has more.

N = n · atomic_fraction(A), so Σ_i p_i(A) once every atom is decided; exact: whole atoms. 0 where A
is absent. It reads no geometry, so coordinates and cell have no gradient; the species probabilities
have one.

Tolerance 0.5, scale 1: whole numbers. The number of all atoms is fixed before sampling (`require
atoms`), which elements they are is not.
"""

from __future__ import annotations

from scoutlang.descriptors._composition import whole
from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours
from scoutlang.descriptors.atomic_fraction import share
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature

SIGNATURE = DescriptorSignature(
    name="count",
    summary="number of A atoms in the cell",
    species=1,
    extensive=True,
    role="number",
    monotone=1,
    example="require count(Cu) = 4",
)


def soft(
    batch: CrystalBatch, measure: Measure, sharpness: float | Tensor = 8.0
) -> neighbours.DescriptorValue:
    """Atoms (B,), differentiable in species probabilities. There is no smooth step: ``sharpness``
    changes nothing.
    """
    value, known = share(batch, measure)
    return neighbours.DescriptorValue.soft(value * batch.num_atoms, known)


def exact(batch: CrystalBatch, measure: Measure) -> neighbours.DescriptorValue:
    """Atoms (B,)."""
    value, known = share(whole(batch), measure)
    return neighbours.DescriptorValue.exact((value * batch.num_atoms).round(), known)


def formula(measure: Measure) -> str:
    return f"number of {measure.species[0].text}"
