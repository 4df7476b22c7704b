"""oxidation_state(A): oxidation state of each A, a whole number, by bond valence.

Of the states that each element has in the ICSD, those are assigned that the bond valence sums of
the sites make most likely and that add up to zero over the cell: pymatgen's ``BVAnalyzer`` with its
defaults, which has the sums of O'Keeffe & Brese, J. Am. Chem. Soc. 113, 3226 (1991),
doi:10.1021/ja00009a002, and takes lengths for those of density functionals, 1.5 % too long. Atoms
of one element may differ where their sites do; sites that symmetry makes equal to 0.1 Å are one.
Pairs of an element (S2 in pyrite, peroxides) are taken for single anions, so Fe in pyrite is 4.

An element by itself has 0. Undefined where A is absent, where an element has no bond valence
parameters (noble gases, Tc, Pm, Os, Pt, Au, Po and most actinides), and where no states fit, as in
most alloys. Judged only: it has no gradient; `bond_valence` steers. Tolerance 0.5.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from scoutlang.descriptors._composition import whole
from scoutlang.descriptors._later import CrystalBatch, neighbours
from scoutlang.descriptors._structures import decided_structures
from scoutlang.descriptors._valence import unknown_valence, without_parameters
from scoutlang.ir import Measure
from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.ir.signatures import DescriptorSignature

if TYPE_CHECKING:
    from pymatgen.core import Structure

SIGNATURE = DescriptorSignature(
    name="oxidation_state",
    summary="oxidation state of each A by bond valence",
    species=1,
    minimum=float("-inf"),
    domain="site",
    differentiable=False,
    example="expect each oxidation_state(Ca) = 2",
    since="1.1",
    concerns=unknown_valence,
)


def formula(measure: Measure) -> str:
    return f"most likely neutral states of {measure.species[0].text} by bond valence sums"


def exact(batch: CrystalBatch, measure: Measure) -> neighbours.SiteValues:
    """State of every atom (N,)."""
    columns = [ATOMIC_NUMBER[element] for element in measure.species[0].elements]
    states, defined = [], []
    sizes = batch.num_atoms.tolist()
    for structure, size in zip(decided_structures(batch), sizes, strict=True):
        found = None if structure is None else _states(structure)
        defined.append(found is not None)
        states += found or [0.0] * size
    return neighbours.SiteValues(
        batch.frac.new_tensor(states),
        whole(batch).species[:, columns].sum(-1),
        batch.system,
        (batch.num_atoms > 0) & batch.num_atoms.new_tensor(defined).bool(),
    )


def _states(structure: Structure) -> list[float] | None:
    """Of every atom; None where none can be assigned."""
    from pymatgen.core.bond_valence import BVAnalyzer

    if len(structure.composition) == 1:
        return [0.0] * len(structure)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [float(state) for state in BVAnalyzer().get_valences(structure)]
    except Exception:  # of many types on strange crystals
        return None


def why_undefined(batch: CrystalBatch, measure: Measure, place: int) -> str:
    """Of a crystal that holds A."""
    lacking = without_parameters(batch, place)
    return lacking or "no states of its elements add up to zero and fit its bond valence sums"
