"""q(A-B, l=6): Steinhardt's bond-orientational order of each A site over its B neighbours, from 0
to 1.

q_l = sqrt(4π/(2l + 1) Σ_m |Σ_j w_j Y_lm(r_ij) / Σ_j w_j|²), the same as q_l² = Σ_jk w_j w_k P_l(cos
θ_jk) / (Σ_j w_j)²

soft:   w_j = p_j(B) σ(8/Å · (r − d_ij)), with the weight p_i(A) min(1, Σ_j w_j)
exact:  w_j = 1 for d ≤ r, whole atoms; a site without neighbours has no value and is left out.

It depends on the directions of the bonds only, not on their lengths, and on no axes. 1 means that
all bonds are parallel as far as degree l can see; one bond alone gives 1. Odd l vanish where every
bond has its opposite. Ideal values: octahedron and simple cubic q4 0.764, q6 0.354; tetrahedron q4
0.509, q6 0.628; cube q4 0.509, q6 0.629; fcc q4 0.191, q6 0.575; hcp q4 0.097, q6 0.485; bcc with
14 neighbours q4 0.036, q6 0.511. The radius decides which bonds are seen: bcc with its 8 nearest
neighbours is a cube.

r is the sum of the Cordero covalent radii + 0.5 Å of each element pair, or the given ``r``.
Undefined where A is absent. Tolerance 0.05, scale 0.1.
Source: Steinhardt, Nelson, Ronchetti, Phys. Rev. B 28, 784 (1983), doi:10.1103/PhysRevB.28.784.
"""

from __future__ import annotations

from scoutlang.descriptors._harmonics import directions, harmonics
from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours, torch
from scoutlang.descriptors._radius import RADIUS, unknown_radius
from scoutlang.descriptors._values import by_sharpness
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature, Parameter


def formula(measure: Measure) -> str:
    """The soft value as text."""
    centre, neighbour = measure.species
    return (
        f"q_{_degree(measure)} of the {centre.text}-{neighbour.text} bonds around {centre.text}, "
        "each weighted by σ(8 Å⁻¹ (r − d))"
    )


def _order(
    batch: CrystalBatch, measure: Measure, sharpness: float | Tensor | None
) -> neighbours.SiteValues:
    """q_l of every atom (N,)."""
    centre, neighbour = (place.elements for place in measure.species)
    found = neighbours.bonds(batch, centre, neighbour, measure.parameter("r"), sharpness)
    size = len(found.centre)
    total = neighbours.sum_by_structure(found.weight, found.i, size)
    bond = found.weight[:, None] * harmonics(
        directions(found.vector, found.distance), _degree(measure)
    )
    mean = (
        bond.new_zeros(size, bond.shape[1]).index_add(0, found.i, bond)
        / torch.where(total > 0, total, torch.ones_like(total))[:, None]
    )
    value = torch.linalg.vector_norm(mean, dim=-1)  # its gradient at 0 is 0
    return neighbours.SiteValues(
        value, found.centre * total.clamp(max=1), batch.system, ~found.overflow, found.centre
    )


def _degree(measure: Measure) -> int:
    return round(measure.parameter("l") or 0)


soft, exact = by_sharpness(_order)

SIGNATURE = DescriptorSignature(
    name="q",
    summary="bond-orientational order of degree l of each A over its B neighbours",
    species=2,
    scale=0.1,
    tolerance=0.05,
    maximum=1.0,
    domain="site",
    parameters=(
        Parameter("l", "integer", "", 1, 12, required=True),
        RADIUS,
    ),
    example="require q(Cu-P, l=4) = 0.51 ± 0.1",
    concerns=unknown_radius,
)
