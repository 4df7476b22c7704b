"""packing_fraction: volume of the atoms as spheres of their covalent radii, over the volume of the
cell.

φ = Σ_i 4/3 π r(i)^3 / V, with the covalent radii r of Cordero et al. (Dalton Trans. 2008, 2832,
doi:10.1039/b801115j). Overlaps count twice, and covalent radii are no hard spheres: closest-packed
copper has 0.82, diamond 0.32, and tungsten 1.12. Soft takes the species probabilities; an atom that
is partly masked is as large as its decided part.

Undefined where the cell is broken and where an atom has no radius (beyond curium). Tolerance 0.05,
scale 0.1: a volume that is 10 % off moves 0.5 by as much.
"""

from __future__ import annotations

import math

from scoutlang.descriptors._composition import per_volume
from scoutlang.descriptors._later import CrystalBatch, Tensor
from scoutlang.descriptors._values import of_crystals
from scoutlang.ir import Measure
from scoutlang.ir.elements import COVALENT_RADIUS
from scoutlang.ir.signatures import DescriptorSignature

SIGNATURE = DescriptorSignature(
    name="packing_fraction",
    summary="volume of the atoms, as spheres of their covalent radii, over the cell volume",
    scale=0.1,
    tolerance=0.05,
    example="require packing_fraction >= 0.4",
)


def formula(measure: Measure) -> str:
    return "Σ 4/3 π r^3 / V, r the covalent radii"


def _fraction(batch: CrystalBatch, measure: Measure) -> tuple[Tensor, Tensor]:
    return per_volume(
        batch, {symbol: 4 / 3 * math.pi * radius**3 for symbol, radius in COVALENT_RADIUS.items()}
    )


soft, exact = of_crystals(_fraction)
