"""CN(A-B): coordination number, B neighbours around A, directed, mean over A sites (paper, section 3).

soft:   CN = Σ_i p_i(A) n_i / Σ_i p_i(A),  n_i = Σ_j,images p_j(B) σ(8/Å · (r − d_ij))
exact:  the same with a hard count d ≤ r and whole atoms.

r is the sum of the Cordero covalent radii + 0.5 Å of each element pair, or the given ``r``. The site itself is excluded, its own
periodic images are included. Where A is absent the value is undefined; where only B is absent it is 0. A sigmoid at a tight r
counts a perfect shell as less than whole: hits are judged by the exact value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scoutlang.elements import ATOMIC_NUMBER, bond_radius
from scoutlang.signatures import DescriptorSignature, Parameter

if TYPE_CHECKING:
    from torch import Tensor

    from scoutlang.crystal import CrystalBatch
    from scoutlang.geometry import DescriptorValue
    from scoutlang.ir import Measure

SIGNATURE = DescriptorSignature(
    name="CN",
    summary="coordination number: B neighbours around A, mean over A sites",
    dimension="dimensionless",
    species=2,
    scale=1.0,
    tolerance=0.5,
    parameters=(Parameter("r", "length", "sum of the Cordero covalent radii + 0.5 Å", 0.5, 8.0),),
)

RADIUS_MARGIN = 0.5


def soft(batch: CrystalBatch, measure: Measure, sharpness: float | Tensor = 8.0) -> DescriptorValue:
    """Smooth CN, differentiable in coordinates, cell and species probabilities → (B,).

    sharpness: 1/Å, a number or one per crystal (B,): the slot of a noise-aware kernel.
    """
    import torch

    from scoutlang.geometry import PRESENT, SIGMOID_TAIL, DescriptorValue, pairs, smooth_step, sum_by_structure

    centres, neighbours = (_numbers(s.elements) for s in measure.species)
    radius = batch.frac.new_tensor([[_radius(measure, a, b) for b in measure.species[1].elements] for a in measure.species[0].elements])
    slope = torch.as_tensor(sharpness, dtype=batch.frac.dtype, device=batch.frac.device).expand(batch.size)
    centre, neighbour = batch.species[:, centres], batch.species[:, neighbours]

    found = pairs(batch, radius.max() + SIGMOID_TAIL / slope[batch.system], centre.sum(-1), neighbour.sum(-1))
    # An atom and its own image are always the same element; different atoms are independent.
    same = torch.tensor([[float(a == b) for b in neighbours] for a in centres], dtype=radius.dtype, device=radius.device)
    other = torch.where((found.i == found.j)[:, None, None], same, neighbour[found.j][:, None, :])
    count = centre[found.i][:, :, None] * other * smooth_step(found.distance[:, None, None], radius, slope[found.system][:, None, None])

    sites = sum_by_structure(centre.sum(-1), batch.system, batch.size)
    total = sum_by_structure(count.sum(dim=(1, 2)), found.system, batch.size)
    return DescriptorValue.soft(total / sites.clamp(min=PRESENT), (sites >= PRESENT) & ~found.overflow)


def exact(batch: CrystalBatch, measure: Measure) -> DescriptorValue:
    """Hard CN: the mean over A sites of the number of B within r → (B,), NaN where A is absent."""
    import torch

    from scoutlang.geometry import BOUNDARY_SLACK, MAX_IMAGES_EXACT, PRESENT, DescriptorValue, pairs, sum_by_structure

    is_element = (batch.species > PRESENT).to(batch.frac.dtype)
    total = batch.frac.new_zeros(batch.size)
    overflow = torch.zeros_like(total, dtype=torch.bool)
    for a in measure.species[0].elements:
        for b in measure.species[1].elements:
            found = pairs(
                batch,
                _radius(measure, a, b) + BOUNDARY_SLACK,
                is_element[:, ATOMIC_NUMBER[a]],
                is_element[:, ATOMIC_NUMBER[b]],
                max_images=MAX_IMAGES_EXACT,
            )
            total += torch.bincount(found.system, minlength=batch.size)
            overflow |= found.overflow
    sites = sum_by_structure(is_element[:, _numbers(measure.species[0].elements)].sum(-1), batch.system, batch.size)
    return DescriptorValue.exact(total / sites, (sites > 0) & ~overflow)


def formula(measure: Measure) -> str:
    """The soft value as text, with the radius of every element pair."""
    centre, neighbour = measure.species
    radii = (f"{a}-{b} {_radius(measure, a, b):.2f}" for a in centre.elements for b in neighbour.elements)
    return f"mean over {centre.text} of Σ {neighbour.text} σ(8 Å⁻¹ (r − d)), r in Å: {', '.join(radii)}"


def _radius(measure: Measure, a: str, b: str) -> float:
    given = measure.parameter("r")
    return bond_radius(a, b) + RADIUS_MARGIN if given is None else given


def _numbers(elements: tuple[str, ...]) -> list[int]:
    return [ATOMIC_NUMBER[e] for e in elements]
