"""bond_valence_sum(A-B): bond valence sum of each A over the B around it, which estimates the size
of its oxidation state. The language's own `bond_valence` is over all bonds of A.

soft:   V_i = Σ_j p_j(B) σ(8/Å · (r − d_ij)) exp((R − d_ij)/0.37 Å), with the weight p_i(A)
exact:  the same over whole atoms within r

R = r_A + r_B − r_A r_B (√c_A − √c_B)²/(c_A r_A + c_B r_B) with the size r and the
electronegativity-like c of either element: O'Keeffe and Brese, J. Am. Chem. Soc. 113, 3226 (1991),
doi:10.1021/ja00009a002; the numbers are pymatgen's table of that paper. Where A bonds to B only,
the sum is near the oxidation state: 4.07 for Ti in rutile, 2.07 for Ca in fluorite, 1.99 for Zn in
zinc blende. One set of numbers for all pairs has its limits: Si in quartz gets 5.1.

r is the sum of the Cordero covalent radii + 0.5 Å of each element pair, or the given ``r``.
Undefined where A is absent, and for elements without parameters (noble gases, Tc, Pm, Os, Pt, Au,
and some actinides). Tolerance 0.25, scale 1 valence unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.ir.signatures import DescriptorSignature, Parameter

if TYPE_CHECKING:  # what the checker need not wait for is imported where it is used
    from torch import Tensor

    from scoutlang.crystals.batch import CrystalBatch
    from scoutlang.crystals.neighbours import SiteValues
    from scoutlang.ir import Measure

SIGNATURE = DescriptorSignature(
    name="bond_valence_sum",
    summary="bond valence sum of each A over the B around it",
    dimension="dimensionless",
    species=2,
    scale=1.0,
    tolerance=0.25,
    domain="site",
    parameters=(
        Parameter("r", "length", "the sum of the covalent radii + 0.5 Å of each pair", 0.1, 10.0),
    ),
    example="require bond_valence_sum(Ca-P) = 2 ± 0.3",
)

_SOFTNESS = 0.37  # Å, the same for all pairs


def soft(batch: CrystalBatch, measure: Measure, sharpness: float | Tensor = 8.0) -> SiteValues:
    """Smooth sum of every atom (N,), differentiable in coordinates, cell and species
    probabilities.
    """
    return _sum(batch, measure, sharpness)


def exact(batch: CrystalBatch, measure: Measure) -> SiteValues:
    """Sum of every atom (N,) over whole neighbours."""
    return _sum(batch, measure, None)


def formula(measure: Measure) -> str:
    """The soft value as text."""
    a, b = measure.species
    return f"Σ {b.text} σ(8 Å⁻¹ (r − d)) exp((R − d)/{_SOFTNESS} Å) around {a.text}"


def _sum(batch: CrystalBatch, measure: Measure, sharpness: float | Tensor | None) -> SiteValues:
    import torch

    from scoutlang.crystals.neighbours import PRESENT, SiteValues, bonds, sum_by_structure

    species = (
        batch.species if sharpness is not None else (batch.species > PRESENT).to(batch.frac.dtype)
    )
    total, centre = batch.frac.new_zeros(2, len(species))
    undefined = batch.num_atoms < 0  # (B,), none so far
    for a in measure.species[0].elements:
        probability = species[:, ATOMIC_NUMBER[a]]
        centre = centre + probability
        for b in measure.species[1].elements:
            # weighted as if each centre were an a
            found = bonds(batch, (a,), (b,), measure.parameter("r"), sharpness)
            undefined = undefined | found.overflow
            length = _length(a, b)
            if length is None:
                undefined = undefined | (torch.bincount(found.system, minlength=batch.size) > 0)
                continue
            valence = found.weight * torch.exp((length - found.distance) / _SOFTNESS)
            total = total + probability * sum_by_structure(valence, found.i, len(total))
    value = total / torch.where(centre > 0, centre, torch.ones_like(centre))
    return SiteValues(value, centre, batch.system, ~undefined)


def _length(a: str, b: str) -> float | None:
    """R in Å, the length of a bond of valence 1; None where an element has no parameters."""
    from pymatgen.core import Element
    from pymatgen.core.bond_valence import BV_PARAMS

    if Element(a) not in BV_PARAMS or Element(b) not in BV_PARAMS:
        return None
    (r_a, c_a), (r_b, c_b) = (
        (BV_PARAMS[Element(e)]["r"], BV_PARAMS[Element(e)]["c"]) for e in (a, b)
    )
    return float(r_a + r_b - r_a * r_b * (c_a**0.5 - c_b**0.5) ** 2 / (c_a * r_a + c_b * r_b))
