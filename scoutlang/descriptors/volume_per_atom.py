"""volume_per_atom: cell volume over number of atoms, |a · (b × c)| / n in Å^3 (paper, section 3.1).
Soft and exact are the same.

Undefined where the cell is not finite or has less than 0.001 Å^3. Tolerance 0.25 Å^3 (the paper's
analyses), scale 1 Å^3.

A limit below 5 Å^3 is doubted (W055): diamond, with 5.67 Å^3, packs more atoms into a volume than
any other substance known at ambient pressure (Zhu et al., Phys. Rev. B 83, 193410 (2011),
doi:10.1103/PhysRevB.83.193410).
"""

from __future__ import annotations

from collections.abc import Iterator

from scoutlang.descriptors._composition import volume_per_atom
from scoutlang.descriptors._values import of_crystals
from scoutlang.ir import Measure, Relation
from scoutlang.ir.signatures import Concern, DescriptorSignature

_DENSEST = 5.0  # Å^3 per atom, somewhat below diamond
_LOOSEST = 1000.0  # Å^3 per atom, far beyond alkali metals and open frameworks


soft, exact = of_crystals(lambda batch, measure: volume_per_atom(batch))


def formula(measure: Measure) -> str:
    return "|a · (b × c)| / n in Å^3"


def concerns(measure: Measure, relation: Relation) -> Iterator[Concern]:
    """Less room than atoms need, or more than any crystal has."""
    least = relation.low if relation.target is None else relation.target
    if least is not None and least > _LOOSEST:
        yield Concern(
            "W055",
            f"{least:.4g} Å^3 per atom is more than any crystal has",
            "caesium has 110 Å^3; 1 nm^3 is 1000 Å^3",
        )
    most = relation.high if relation.target is None else relation.target + (relation.tolerance or 0)
    if most is not None and 0 <= most < _DENSEST:
        yield Concern(
            "W055",
            f"{most:.4g} Å^3 per atom is less than atoms need",
            "diamond, the densest packing of atoms, has 5.67 Å^3",
        )


SIGNATURE = DescriptorSignature(
    name="volume_per_atom",
    summary="cell volume divided by the number of atoms",
    dimension="volume_per_atom",
    tolerance=0.25,
    example="require volume_per_atom in [14, 20] Å^3",
    concerns=concerns,
)
