"""The six parameters of the Niggli-reduced cell: a, b, c, alpha, beta and gamma, each a module of
its own that is made here.

Of the many cells of a lattice the Niggli cell is the one that everybody agrees on: the three
shortest edges a ≤ b ≤ c, with angles that are all acute or all not (International Tables for
Crystallography A, section 3.1.3; Křivý & Gruber, Acta Cryst. A32, 297 (1976),
doi:10.1107/S0567739476000636). So the values do not depend on the choice of lattice vectors. They
do depend on the lattice as it is given: a supercell, or a conventional cell that holds the
primitive one more than once, is a coarser lattice with values of its own.

The whole numbers of the reduction come from `moyopy` and are held fixed under the derivative. Where
two reductions meet, the angles jump (60° and 120° in a lattice that is nearly hexagonal) and the
lengths have a kink; almost everywhere both are smooth.
"""

from __future__ import annotations

from types import ModuleType

from scoutlang.descriptors._later import Tensor, neighbours, torch
from scoutlang.descriptors._values import of_crystals
from scoutlang.ir.signatures import DescriptorSignature

_NAMES = ("a", "b", "c", "alpha", "beta", "gamma")

_PAGE_OF_EDGE = """{name}: {summary}, in Å.

It does not depend on the choice of lattice vectors, but a supercell has its own. The tabulated
lattice constants are those of another cell: `conventional_{name}`. Soft and exact are the same,
differentiable in the cell with the reduction held fixed. Undefined where the cell is broken.
Tolerance 0.1 Å, scale 1 Å.

Source: International Tables for Crystallography A, section 3.1.3; reduced by `moyopy`. More in
`lattice_parameters.py`.
"""

_PAGE_OF_ANGLE = """{name}: {summary}, in degrees, from 60 to 120.

It does not depend on the choice of lattice vectors, but a supercell has its own. The three angles
of a reduced cell are all below 90°, or all 90° and more; where a lattice is at the border of two
reductions they jump (the lengths do not). A conventional cell may have other angles, such as a
monoclinic β of 125°: `conventional_{name}`. Soft and exact are the same, differentiable in the cell
with the reduction held fixed. Undefined where the cell is broken. Tolerance 2°, scale 10°.

Source: International Tables for Crystallography A, section 3.1.3; reduced by `moyopy`. More in
`lattice_parameters.py`.
"""


def _edge(name: str, summary: str, example: str, at_most: str = "") -> ModuleType:
    """A length in Å: density functionals miss lattice constants by 1 to 2 %."""
    signature = DescriptorSignature(
        name=name,
        summary=summary,
        dimension="length",
        tolerance=0.1,
        extensive=True,
        at_most=at_most,
        example=example,
    )
    return _module(signature, _PAGE_OF_EDGE, "Å")


def _angle(name: str, summary: str, example: str) -> ModuleType:
    """An angle in degrees, from 60 to 120: in a reduced cell no other is possible."""
    signature = DescriptorSignature(
        name=name,
        summary=summary,
        dimension="angle",
        scale=10.0,
        tolerance=2.0,
        minimum=60.0,
        maximum=120.0,
        extensive=True,
        example=example,
    )
    return _module(signature, _PAGE_OF_ANGLE, "degrees")


def _module(signature: DescriptorSignature, page: str, unit: str) -> ModuleType:
    name = signature.name
    soft, exact = of_crystals(lambda batch, measure: _value(batch.cell, name))
    module = ModuleType(f"{__package__}.{name}", page.format(name=name, summary=signature.summary))
    vars(module).update(
        SIGNATURE=signature,
        soft=soft,
        exact=exact,
        formula=lambda measure: f"{name} of the Niggli-reduced cell in {unit}",
    )
    return module


def _value(cell: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """→ (B,) the parameter, (B,) whether the cell is one."""
    cell, sound = neighbours.sound_cell(cell)
    edges = (_reduction(cell.detach()) @ cell).unbind(dim=-2)
    k = _NAMES.index(name)
    if k < 3:
        return torch.linalg.vector_norm(edges[k], dim=-1), sound
    u, v = (e for j, e in enumerate(edges) if j != k - 3)
    return neighbours.angle(u, v), sound


def _reduction(cell: Tensor) -> Tensor:
    """(B, 3, 3) whole numbers R, in the dtype of the cell: the rows of R @ cell are the
    Niggli-reduced vectors.
    """
    from moyopy import niggli_reduce

    transformations = [niggli_reduce(matrix)[1] for matrix in cell.double().tolist()]
    return cell.new_tensor(transformations).transpose(-1, -2)


MODULES = (
    _edge("a", "shortest edge of the Niggli-reduced cell", "require a <= 4.5 Å", "b"),
    _edge("b", "second edge of the Niggli-reduced cell, a ≤ b ≤ c", "require b in [4, 8] Å", "c"),
    _edge("c", "longest edge of the Niggli-reduced cell, a ≤ b ≤ c", "require c >= 10 Å"),
    _angle(
        "alpha",
        "angle between the edges b and c of the Niggli-reduced cell",
        "require alpha = 90° ± 2°",
    ),
    _angle(
        "beta",
        "angle between the edges a and c of the Niggli-reduced cell",
        "require beta in [90°, 105°]",
    ),
    _angle(
        "gamma",
        "angle between the edges a and b of the Niggli-reduced cell",
        "require gamma = 120°",
    ),
)
