"""distance(A-B): distance from an A site to its nearest B neighbour, in Å, periodic images
included.

It is the nearest B alone: `bond` is all of them within a radius.

d_i = min over atoms j and images of |r_j − r_i|, with the weight p_i(A); the mean over A sites
unless the program names another aggregate.

soft and exact are both true minima: differentiable almost everywhere, equal shortest pairs share
the gradient. Only atoms that are A and B with a probability above 1/2 take part, so an undecided
site is not pushed. A site counts only where a B exists; where none does, the value is undefined.
Tolerance 0.1 Å, scale 1 Å: thermal motion and the errors of density functionals move bonds by some
0.05 Å.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from scoutlang.descriptors._composition import whole
from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours, torch
from scoutlang.descriptors._values import by_sharpness
from scoutlang.ir import Measure, Relation
from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.ir.signatures import Concern, DescriptorSignature


def collapse(measure: Measure, relation: Relation) -> Iterator[Concern]:
    """A wish without an end, which no atoms withstand."""
    if relation.high == -math.inf:
        yield Concern(
            "W055",
            f"{measure.descriptor} as low as possible pushes atoms into each other",
            "give a bound, such as `< 2.5 Å`",
        )


SIGNATURE = DescriptorSignature(
    name="distance",
    summary="distance from each A to its nearest B neighbour",
    dimension="length",
    species=2,
    tolerance=0.1,
    domain="site",
    monotone=-1,
    concerns=collapse,
    role="nearest",
    example="require distance(Cu-P) = 2.35 ± 0.1 Å",
)


def formula(measure: Measure) -> str:
    a, b = measure.species
    return f"distance from {a.text} to the nearest {b.text} in Å"


def nearest(
    batch: CrystalBatch, measure: Measure, group: Tensor, size: int, max_images: int
) -> tuple[Tensor, Tensor]:
    """Shortest distance from the decided A of each group of atoms, (N,) int64 in [0, size), to any
    decided B.

    → (size,) Å, infinite where there is no pair; (B,) bool, whether the crystal was searched.
    """
    centre, neighbour = (neighbours.decided(batch, s.elements) for s in measure.species)
    value, overflow = neighbours.shortest(
        batch, group, size, centre, neighbour, max_images=max_images
    )
    return value, ~overflow


def _distance(
    batch: CrystalBatch, measure: Measure, sharpness: float | Tensor | None
) -> neighbours.SiteValues:
    """Å of every atom (N,). There is no smooth step: ``sharpness`` says only whether the values are
    soft.
    """
    species, max_images = batch.species, neighbours.MAX_IMAGES
    if sharpness is None:
        species, max_images = whole(batch).species, neighbours.MAX_IMAGES_EXACT
    atoms = torch.arange(len(batch.system), device=batch.system.device)
    value, searched = nearest(batch, measure, atoms, len(atoms), max_images)
    found = value.isfinite()
    centre = species[:, [ATOMIC_NUMBER[e] for e in measure.species[0].elements]].sum(-1)
    zero = torch.zeros_like(value)
    return neighbours.SiteValues(
        torch.where(found, value, zero),
        torch.where(found, centre, zero),
        batch.system,
        searched,
        centre,
    )


soft, exact = by_sharpness(_distance)
