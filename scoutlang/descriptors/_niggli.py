"""The six parameters of the Niggli-reduced cell, one file each (`a.py` … `gamma.py`). No descriptor
of its own.

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

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from scoutlang.ir.signatures import DescriptorSignature

if TYPE_CHECKING:
    from torch import Tensor

    from scoutlang.crystals.batch import CrystalBatch
    from scoutlang.crystals.neighbours import DescriptorValue
    from scoutlang.ir import Measure

_NAMES = ("a", "b", "c", "alpha", "beta", "gamma")


class Registration(NamedTuple):
    """What the file of a descriptor has."""

    signature: DescriptorSignature
    soft: Callable[..., DescriptorValue]
    exact: Callable[[CrystalBatch, Measure], DescriptorValue]
    formula: Callable[[Measure], str]


def edge(name: str, summary: str, example: str) -> Registration:
    """A length in Å. Tolerance 0.1 Å, scale 1 Å: density functionals miss lattice constants by 1 to
    2 %.
    """
    signature = DescriptorSignature(
        name=name,
        summary=summary,
        dimension="length",
        species=0,
        scale=1.0,
        tolerance=0.1,
        extensive=True,
        example=example,
    )
    return _parameter(signature, f"{name} of the Niggli-reduced cell in Å")


def angle(name: str, summary: str, example: str) -> Registration:
    """An angle in degrees, from 60 to 120: in a reduced cell no other is possible. Tolerance 2°,
    scale 10°.
    """
    signature = DescriptorSignature(
        name=name,
        summary=summary,
        dimension="angle",
        species=0,
        scale=10.0,
        tolerance=2.0,
        minimum=60.0,
        maximum=120.0,
        extensive=True,
        example=example,
    )
    return _parameter(signature, f"{name} of the Niggli-reduced cell in degrees")


def _parameter(signature: DescriptorSignature, text: str) -> Registration:
    def soft(
        batch: CrystalBatch, measure: Measure, sharpness: float | Tensor = 8.0
    ) -> DescriptorValue:
        """(B,) in Å or degrees, differentiable in the cell. There is no smooth step: ``sharpness``
        changes nothing.
        """
        from scoutlang.crystals.neighbours import DescriptorValue

        return DescriptorValue.soft(*_value(batch.cell, signature.name))

    def exact(batch: CrystalBatch, measure: Measure) -> DescriptorValue:
        """(B,) in Å or degrees."""
        from scoutlang.crystals.neighbours import DescriptorValue

        return DescriptorValue.exact(*_value(batch.cell, signature.name))

    def formula(measure: Measure) -> str:
        return text

    return Registration(signature, soft, exact, formula)


def _value(cell: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """→ (B,) the parameter, (B,) whether the cell is one."""
    import torch

    from scoutlang.crystals import neighbours

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
