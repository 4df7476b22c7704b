"""What a sampler tells after each step, for displays and traces."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.evaluation.loss import LossValue


@dataclass(frozen=True)
class GuidedStep:
    """What the guidance did to B crystals in one step."""

    value: LossValue
    """Losses at x̂0 before the push."""
    push: Tensor
    """(B,) Å, how far the atom of x̂0 that moved furthest was moved."""
    strain: Tensor
    """(B,) Frobenius norm of the strain of its cell."""
    clean: CrystalBatch
    """x̂0 before the push, with species probabilities."""


@dataclass(frozen=True)
class Progress:
    """State of B crystals after ``step`` of ``steps``."""

    step: int
    steps: int
    time: float
    """Diffusion time at which the step began: 1 noise, 0 crystal."""
    guided: GuidedStep | None
    """None while no guidance acts."""
    broken: Tensor
    """(B,) bool, structures that are not finite any more; they stay so and touch no other."""
    evaluations: int
    """Of the score network so far, in this batch, times structures; both halves of classifier-free
    guidance count.
    """
    indices: tuple[int, ...] = ()
    """(B,) of the structures in their arm; empty where the sampler is used alone."""
