"""The distance of layers and the gap between them, layer_spacing and layer_gap, each a module of
its own that is made here.

A layer is a connected component of the bonded network that goes on in two directions. The lattice
vectors that lead from one of its atoms to images of that atom span a lattice plane (hkl); in a cell
that holds n layers, the planes being d_hkl apart, layers are d_hkl/n apart on average. That number
depends on no choice of cell.
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from scoutlang.descriptors._network import Vector, components
from scoutlang.descriptors._radius import RADIUS
from scoutlang.descriptors._values import of_structures
from scoutlang.descriptors.dimensionality import bonded
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature

if TYPE_CHECKING:
    from pymatgen.core import Structure

_PAGE = """{name}: {summary}, in Å.

{what} A layer is a connected component of the bonded network with two dimensions, as
`dimensionality` finds them: atoms are bonded within the sum of the covalent radii + 0.5 Å, or
within the given ``r`` for every pair. Components with fewer dimensions, such as free ions between
the layers, are no layers; ions that are bonded to them make a framework, unless a smaller ``r``
leaves them free. Where spacings differ in one crystal it is their mean; nets that are woven into
one another count as a layer each. {values}

Undefined where there is no layer, where a component is a framework, where layers are not parallel,
and for elements without a covalent radius, unless ``r`` is given. Judged only: what is a layer
changes at once. Tolerance 0.1 Å, scale 1 Å.
"""


class _Layers(NamedTuple):
    spacing: float  # Å
    thickness: float  # Å, the mean


def _found(structure: Structure, r: float | None) -> _Layers | None:
    """The layers of a crystal, None where it is no layered one."""
    import numpy as np

    planes: set[Vector] = set()
    spans = []
    for place, loops in components(len(structure), bonded(structure, r)):
        rank = np.linalg.matrix_rank(np.array(loops)) if loops else 0
        if rank == 3:
            return None
        if rank == 2:
            plane = _plane(loops)
            planes.add(plane)
            heights = [
                sum(
                    h * (x + n) for h, x, n in zip(plane, structure.frac_coords[k], at, strict=True)
                )
                for k, at in place.items()
            ]
            spans.append(max(heights) - min(heights))
    if len(planes) != 1:
        return None
    apart = structure.lattice.d_hkl(planes.pop())
    return _Layers(apart / len(spans), apart * sum(spans) / len(spans))


def _plane(loops: list[Vector]) -> Vector:
    """Miller indices of the plane of lattice vectors of rank 2, the first one positive."""
    normals = (_cross(loops[0], other) for other in loops[1:])
    normal = next(n for n in normals if any(n))
    divisor = math.gcd(*normal) * (1 if normal > (0, 0, 0) else -1)
    h, k, m = (index // divisor for index in normal)
    return h, k, m


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _made(name: str, summary: str, what: str, values: str, example: str) -> ModuleType:
    spacing = name == "layer_spacing"
    signature = DescriptorSignature(
        name=name,
        summary=summary,
        dimension="length",
        tolerance=0.1,
        minimum=0.0 if spacing else -math.inf,
        parameters=(RADIUS,),
        differentiable=False,
        example=example,
        since="1.1",
    )

    @of_structures
    def exact(structure: Structure, measure: Measure) -> float | None:
        """Å, None where there are no layers."""
        layers = _found(structure, measure.parameter("r"))
        if layers is None:
            return None
        return layers.spacing if spacing else layers.spacing - layers.thickness

    def formula(measure: Measure) -> str:
        return "d_hkl / n of n layers along (hkl)" + ("" if spacing else ", less their thickness")

    module = ModuleType(
        f"{__package__}.{name}",
        _PAGE.format(name=name, summary=summary, what=what, values=values),
    )
    vars(module).update(SIGNATURE=signature, exact=exact, formula=formula)
    return module


MODULES = (
    _made(
        "layer_spacing",
        "distance of neighbouring layers",
        "It is measured along their normal from the middle of a layer to the middle of the next.",
        "Graphite has 3.36 Å, molybdenite 6.15 Å, Bi2Te3 10.14 Å.",
        "expect layer_spacing = 6.2 ± 0.3 Å",
    ),
    _made(
        "layer_gap",
        "gap between neighbouring layers",
        "It is measured along their normal, from the last atoms of a layer to the first atoms of "
        "the next, from nucleus to nucleus; negative where layers interlock.",
        "Graphite has 3.36 Å, molybdenite 3.14 Å, Bi2Te3 2.61 Å.",
        "expect layer_gap > 2.5 Å",
    ),
)
