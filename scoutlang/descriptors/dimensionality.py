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

from scoutlang.descriptors._later import neighbours
from scoutlang.descriptors._radius import RADIUS
from scoutlang.descriptors._values import of_structures
from scoutlang.ir import Measure
from scoutlang.ir.elements import neighbour_radius
from scoutlang.ir.signatures import DescriptorSignature

if TYPE_CHECKING:
    from pymatgen.core import Structure

SIGNATURE = DescriptorSignature(
    name="dimensionality",
    summary="dimensions of the bonded network: 3 framework, 2 layers, 1 chains, 0 molecules",
    maximum=3,
    parameters=(RADIUS,),
    differentiable=False,
    example="expect dimensionality = 2",
)


def formula(measure: Measure) -> str:
    r = measure.parameter("r")
    reach = "the covalent radii + 0.5 Å" if r is None else f"{r:g} Å"
    return f"largest dimension of a component bonded within {reach}"


@of_structures
def exact(structure: Structure, measure: Measure) -> int:
    """0 to 3."""
    from ase.geometry.dimensionality.rank_determination import RDA

    network = RDA(len(structure))
    for a, b, offset in bonded(structure, measure.parameter("r")):
        network.insert_bond(a, b, offset)
    components_by_dimension = network.check()
    return max(
        dimension for dimension, components in enumerate(components_by_dimension) if components
    )


def bonded(structure: Structure, r: float | None) -> list[tuple[int, int, tuple[int, int, int]]]:
    """Atoms i ≤ j of every bond, and the image of j. Raises KeyError for an element without a
    covalent radius where r, in Å, is None.
    """
    import numpy as np

    slack = neighbours.BOUNDARY_SLACK
    kinds, kind = np.unique([site.specie.symbol for site in structure], return_inverse=True)
    radii = np.array([[r or neighbour_radius(a, b) for b in kinds] for a in kinds]) + slack
    i, j, image, distance = structure.get_neighbor_list(float(radii.max()))
    # each bond once; an atom's bonds with its own images both ways do no harm
    kept = (distance <= radii[kind[i], kind[j]]) & (i <= j)
    offsets = map(tuple, image[kept].astype(int).tolist())
    return list(zip(i[kept].tolist(), j[kept].tolist(), offsets, strict=True))
