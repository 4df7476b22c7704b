"""What a sampler tells after each step, for displays and traces."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.evaluation.loss import LossValue


@dataclass(frozen=True)
class GuidedStep:
    """What the guidance did to B crystals in one step.

    value: losses at x̂0 before the push. push: (B,) Å, how far the atom of x̂0 that moved furthest
    was moved. strain: (B,) Frobenius norm of the strain of its cell. clean: x̂0 itself, with
    species probabilities.
    """

    value: LossValue
    push: Tensor
    strain: Tensor
    clean: CrystalBatch


@dataclass(frozen=True)
class Progress:
    """State after ``step`` of ``steps``, at diffusion time ``time`` (1 noise, 0 crystal).

    guided: None while no guidance acts. broken: (B,) bool, structures that are not finite any more;
    they stay so and touch no other. evaluations: of the score network so far, in this batch, times
    structures; both halves of classifier-free guidance count. indices: (B,) of the structures in
    their arm; empty where the sampler is used alone.
    """

    step: int
    steps: int
    time: float
    guided: GuidedStep | None
    broken: Tensor
    evaluations: int
    indices: tuple[int, ...] = ()
