"""The functions ``soft`` and ``exact`` of a descriptor, from the one function that both are made
of. Not a descriptor itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from scoutlang.descriptors._composition import whole
from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours
from scoutlang.descriptors._structures import decided_structures
from scoutlang.ir import Measure

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from scoutlang.crystals.neighbours import DescriptorValue

_V = TypeVar("_V")
_Exact: TypeAlias = "Callable[[CrystalBatch, Measure], _V]"
_Both: TypeAlias = "tuple[Callable[..., _V], _Exact[_V]]"

SLOPE = 8.0
"""1/Å, of the smooth step unless the sampler gives another ``sharpness``."""


def of_crystals(
    values: Callable[[CrystalBatch, Measure], tuple[Tensor, Tensor]],
) -> _Both[DescriptorValue]:
    """→ soft, exact of a descriptor without a smooth step: ``sharpness`` changes nothing.

    values: → (B,) in the canonical unit, (B,) bool, whether it is defined; differentiable. soft is
    told the species probabilities, exact whole atoms.
    """

    def soft(
        batch: CrystalBatch, measure: Measure, sharpness: float | Tensor = SLOPE
    ) -> DescriptorValue:
        return neighbours.DescriptorValue.soft(*values(batch, measure))

    def exact(batch: CrystalBatch, measure: Measure) -> DescriptorValue:
        return neighbours.DescriptorValue.exact(*values(whole(batch), measure))

    return soft, exact


def by_sharpness(
    values: Callable[[CrystalBatch, Measure, float | Tensor | None], _V],
) -> _Both[_V]:
    """→ soft, exact of a descriptor of neighbours, as a rule of sites or items.

    values: its third argument is the sharpness in 1/Å, a number or one per crystal (B,), or None
    for the exact values of whole atoms. Soft values are differentiable in coordinates and cell,
    their weights in species probabilities too.
    """

    def soft(batch: CrystalBatch, measure: Measure, sharpness: float | Tensor = SLOPE) -> _V:
        return values(batch, measure, sharpness)

    def exact(batch: CrystalBatch, measure: Measure) -> _V:
        return values(batch, measure, None)

    return soft, exact


def of_structures(
    ask: Callable[[Structure, Measure], float | None],
) -> _Exact[DescriptorValue]:
    """→ exact: what is asked of every decided structure (B,). Undefined where the answer is None or
    a library gives up on the structure.
    """

    def answer(structure: Structure | None, measure: Measure) -> float | None:
        try:
            return None if structure is None else ask(structure, measure)
        except Exception:  # libraries raise errors of many types on strange crystals
            return None

    def exact(batch: CrystalBatch, measure: Measure) -> DescriptorValue:
        answers = [answer(structure, measure) for structure in decided_structures(batch)]
        value = batch.frac.new_tensor([float("nan") if a is None else float(a) for a in answers])
        return neighbours.DescriptorValue.exact(value, ~value.isnan())

    return exact
