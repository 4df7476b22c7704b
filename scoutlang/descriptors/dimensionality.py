"""dimensionality: in how many directions the bonded network goes on without end: 3 framework, 2
layers, 1 chains, 0 molecules.

Two atoms are bonded within the sum of their covalent radii + 0.5 Å (as for CN), or within the given
``r`` for every pair. Each connected component has as many dimensions as there are independent
lattice vectors that lead from an atom to its own images along bonds; the largest of all components
counts, so an intercalated framework with free atoms in it is 3. Undefined for elements without a
covalent radius, unless ``r`` is given.

The counting is ASE's. Source: P. M. Larsen, M. Pandey, M. Strange, K. W. Jacobsen, Phys. Rev.
Mater. 3, 034003 (2019), doi:10.1103/PhysRevMaterials.3.034003.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scoutlang.ir.elements import neighbour_radius
from scoutlang.ir.signatures import DescriptorSignature, Parameter

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from scoutlang.crystals.batch import CrystalBatch
    from scoutlang.crystals.neighbours import DescriptorValue
    from scoutlang.ir import Measure

SIGNATURE = DescriptorSignature(
    name="dimensionality",
    summary="dimensions of the bonded network: 3 framework, 2 layers, 1 chains, 0 molecules",
    dimension="dimensionless",
    species=0,
    scale=1.0,
    tolerance=0.5,
    maximum=3,
    parameters=(Parameter("r", "length", "sum of the Cordero covalent radii + 0.5 Å", 0.5, 8.0),),
    differentiable=False,
    example="expect dimensionality = 2",
)


def exact(batch: CrystalBatch, measure: Measure) -> DescriptorValue:
    """0 to 3 (B,)."""
    from scoutlang.descriptors._structures import exact_of_each

    return exact_of_each(
        batch, lambda structure: _dimensionality(structure, measure.parameter("r"))
    )


def formula(measure: Measure) -> str:
    r = measure.parameter("r")
    reach = "the covalent radii + 0.5 Å" if r is None else f"{r:g} Å"
    return f"largest dimension of a component bonded within {reach}"


def _dimensionality(structure: Structure, r: float | None) -> int:
    import numpy as np
    from ase.geometry.dimensionality.rank_determination import RDA

    from scoutlang.crystals.neighbours import BOUNDARY_SLACK

    kinds, kind = np.unique([site.specie.symbol for site in structure], return_inverse=True)
    radii = np.array([[r or neighbour_radius(a, b) for b in kinds] for a in kinds]) + BOUNDARY_SLACK
    i, j, image, distance = structure.get_neighbor_list(float(radii.max()))
    # each bond once; an atom's bonds with its own images both ways do no harm
    bonded = (distance <= radii[kind[i], kind[j]]) & (i <= j)
    network = RDA(len(structure))
    for a, b, offset in zip(
        i[bonded].tolist(), j[bonded].tolist(), image[bonded].astype(int).tolist(), strict=True
    ):
        network.insert_bond(a, b, tuple(offset))
    components_by_dimension = network.check()
    return max(
        dimension for dimension, components in enumerate(components_by_dimension) if components
    )
