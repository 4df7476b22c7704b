"""From a dimensionless residual to a loss. Every function: residuals of any shape → losses ≥ 0 of
the same shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import Tensor

from scoutlang.ir import LossName


def l1(residual: Tensor) -> Tensor:
    """|x|, the paper's loss. Its slope is 1 however close the target is."""
    return residual.abs()


def l2(residual: Tensor) -> Tensor:
    """x²."""
    return residual.square()


def huber(residual: Tensor) -> Tensor:
    """x²/2 up to |x| = 1, |x| − 1/2 beyond."""
    size = residual.abs()
    inner = size.clamp(max=1.0)
    return inner * (size - inner / 2)


def hinge(residual: Tensor) -> Tensor:
    """|x|, where x counts from the edge of the tolerance: 0 as soon as the term holds (see
    `lower.wanted_interval`).
    """
    return residual.abs()


PENALTIES: Mapping[LossName, Callable[[Tensor], Tensor]] = MappingProxyType(
    {"l1": l1, "l2": l2, "huber": huber, "hinge": hinge}
)
