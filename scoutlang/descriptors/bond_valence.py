"""bond_valence(A): bond valence sum of each A over its bonds, which estimates the size of its
oxidation state.

soft:   V_i = Σ_j σ(8/Å · (r − d_ij)) exp((R_ij − d_ij)/0.37 Å), each pair of elements by its
probability, with the weight p_i(A)
exact:  the same over whole atoms with d ≤ r

R = r_A + r_B − r_A r_B (√c_A − √c_B)²/(c_A r_A + c_B r_B) is the length of a bond of valence 1,
with the size r and the electronegativity-like c of either element. A bond is to an atom of another
element, where one of the two is H, B, C, N, O, F, Si, P, S, Cl, As, Se, Br, Sb, Te or I; so metals
bond to no metal here. The numbers are pymatgen's table of O'Keeffe & Brese, J. Am. Chem. Soc. 113,
3226 (1991), doi:10.1021/ja00009a002: two numbers for each element, whatever its partner, good to 10
to 30 %. Ti in rutile has 4.1, Ca in fluorite 2.1, Zn in zinc blende 2.0, Na in rock salt 1.2; Cu in
tenorite has 1.5, Si in quartz 5.1. `oxidation_state` makes whole numbers of such sums.

r is the sum of the Cordero covalent radii + 1 Å of each element pair, or the given ``r``: farther
than neighbours are looked for otherwise, since the long bonds of large cations count too, and by
little. Cations that stand that near each other count as well where one is of that list: Ca in
calcite has 2.6 with C at 3.2 Å, and 2.1 within 2.8 Å. Give a smaller r there.

An element by itself has 0, and so has an A without any bond. Undefined where A is absent, and where
an atom of a bond has no parameters (noble gases, Tc, Pm, Os, Pt, Au, Po and most actinides).
Tolerance 0.25, scale 1 valence unit.
"""

from __future__ import annotations

from functools import cache

from scoutlang.descriptors._composition import whole
from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours, torch
from scoutlang.descriptors._valence import WITHOUT_PARAMETERS, unknown_valence, without_parameters
from scoutlang.descriptors._values import by_sharpness
from scoutlang.ir import Measure
from scoutlang.ir.elements import ATOMIC_NUMBER, COVALENT_RADIUS, SYMBOLS
from scoutlang.ir.signatures import DescriptorSignature, Parameter

_SOFTNESS = 0.37  # Å, the same for all pairs
_MARGIN = 1.0  # Å beyond the covalent radii
_ANIONIC = frozenset("H B C N O F Si P S Cl As Se Br Sb Te I".split())

SIGNATURE = DescriptorSignature(
    name="bond_valence",
    summary="bond valence sum of each A, the size of its oxidation state",
    species=1,
    tolerance=0.25,
    domain="site",
    parameters=(Parameter("r", "length", "sum of the Cordero covalent radii + 1 Å", 0.5, 8.0),),
    example="require bond_valence(Ca) = 2 ± 0.3",
    since="1.1",
    concerns=unknown_valence,
)


def formula(measure: Measure) -> str:
    """The soft value as text."""
    r = measure.parameter("r")
    within = f"{r:.2f} Å" if r else f"the covalent radii + {_MARGIN:g} Å"
    return (
        f"Σ σ(8 Å⁻¹ (r − d)) exp((R − d)/{_SOFTNESS} Å) over the bonds of "
        f"{measure.species[0].text}, r = {within}"
    )


def _sum(
    batch: CrystalBatch, measure: Measure, sharpness: float | Tensor | None
) -> neighbours.SiteValues:
    """Valence sum of every atom (N,)."""
    species = whole(batch).species if sharpness is None else batch.species
    there = (species.detach() > 0).any(0).tolist()
    total, centre = batch.frac.new_zeros(2, len(species))
    undefined = torch.zeros(batch.size, dtype=torch.bool, device=batch.frac.device)
    for a in measure.species[0].elements:
        probability = species[:, ATOMIC_NUMBER[a]]
        centre = centre + probability
        for b in (e for e in SYMBOLS if there[ATOMIC_NUMBER[e]]):
            if a == b or not {a, b} & _ANIONIC:
                continue
            radius = measure.parameter("r") or _reach(a) + _reach(b) + _MARGIN
            found = neighbours.bonds(batch, (a,), (b,), radius, sharpness)
            undefined = undefined | found.overflow
            if {a, b} & set(WITHOUT_PARAMETERS):
                counts = found.centre[found.i] * found.weight > neighbours.PRESENT
                undefined[found.system[counts]] = True
                continue
            valence = found.weight * torch.exp((_length(a, b) - found.distance) / _SOFTNESS)
            total = total + probability * neighbours.sum_by_structure(valence, found.i, len(total))
    value = total / torch.where(centre > 0, centre, torch.ones_like(centre))
    return neighbours.SiteValues(value, centre, batch.system, ~undefined)


def _reach(element: str) -> float:
    """Å, its covalent radius, or the largest where it has none."""
    return COVALENT_RADIUS.get(element) or max(COVALENT_RADIUS.values())


@cache
def _length(a: str, b: str) -> float:
    """R in Å, the length of a bond of valence 1."""
    from pymatgen.core import Element
    from pymatgen.core.bond_valence import BV_PARAMS

    (r_a, c_a), (r_b, c_b) = (
        (BV_PARAMS[Element(e)]["r"], BV_PARAMS[Element(e)]["c"]) for e in (a, b)
    )
    return float(r_a + r_b - r_a * r_b * (c_a**0.5 - c_b**0.5) ** 2 / (c_a * r_a + c_b * r_b))


soft, exact = by_sharpness(_sum)


def why_undefined(batch: CrystalBatch, measure: Measure, place: int) -> str:
    """Of a crystal that holds A."""
    return without_parameters(batch, place)
