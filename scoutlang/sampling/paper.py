"""``method paper``: Algorithm 2 of arXiv:2604.13354, "Universal Guidance: Predictor-Corrector".

`Paper.sample` is the box of the algorithm, line by line; `forward` and `backward` are its two
updates of the score. Gradients are divided by their norm as in section 2.2.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.evaluation.loss import LossValue, gradient, loss_and_gradient
from scoutlang.ir import Guide
from scoutlang.sampling.guidance import Descent, descent, extent, pushed
from scoutlang.sampling.mattergen.sampler import Sampler
from scoutlang.sampling.progress import GuidedStep
from scoutlang.sampling.schedules import strength


@dataclass(frozen=True)
class Paper:
    """Algorithm 2 with the settings of a program."""

    guide: Guide
    """n_r is ``recur``, n_b ``backward``, k_s and g_s are ``k`` and ``g`` over ‖∇ℓ‖."""
    loss: Callable[[CrystalBatch], LossValue]
    """ℓ(C, f(·)), of x̂0."""

    def sample(self, sampler: Sampler, z: Any) -> Any:
        """z_N ~ q_T → z_0."""
        guide = self.guide
        for i, t, s in sampler.steps():  # t = t_i, s = t_{i−1}
            told, guided = None, s > 0 and guide.acts(t, i, sampler.total_steps)
            # self-recurrence loop
            for rounds_left in reversed(range(guide.recur if guided else 1)):
                if guided:
                    score = self.forward(sampler, z, t)
                    score, told = self.backward(sampler, z, score, t)
                    # gradient descent loop
                    for _ in range(guide.backward - 1):
                        score, _ = self.backward(sampler, z, score, t)
                else:
                    score = sampler.score(z, t)
                z_s = sampler.predict(z, score, t, s)
                # corrector loop
                for _ in range(sampler.corrections(s)):
                    z_s = sampler.correct(z_s, sampler.score(z_s, s), s)
                if rounds_left:
                    z = sampler.renoise(z_s, s, t)
            z = z_s
            sampler.report(i, t, told)
        return z

    def forward(self, sampler: Sampler, z: Any, t: float) -> Any:
        """s ← s − g_s(t) ∇_z ℓ(x̂0(z)), the gradient going through the evaluation of the network
        that gave s (Eq. 2).
        """
        g = strength(self.guide.g, t)
        if g <= 0:
            return sampler.score(z, t)
        level = sampler.noise_level(z, t)
        with torch.enable_grad():
            pos, cell = z["pos"].detach().requires_grad_(), z["cell"].detach().requires_grad_()
            tracked = z.replace(pos=pos, cell=cell)
            score = sampler.score(tracked, t)
            value = self.loss(sampler.clean(tracked, score, level))
            grad_frac, grad_cell = gradient(value, pos, cell)
        score = score.replace(
            **{k: score[k].detach() for k in ("pos", "cell", "atomic_numbers") if k in score}
        )
        clean = sampler.clean(z, score, level)
        direction = descent(clean, grad_frac, grad_cell)
        step = self.length(g, direction)
        step = torch.where(direction.square_norm > 0, step, torch.zeros_like(step))
        grad_frac, grad_cell = (
            torch.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0) for x in (grad_frac, grad_cell)
        )
        # a symmetric lattice has six entries, and an off-diagonal one stands in two places
        grad_cell = (
            grad_cell
            + grad_cell.transpose(1, 2)
            - torch.diag_embed(grad_cell.diagonal(dim1=1, dim2=2))
        )
        return score.replace(
            pos=score["pos"] - step[clean.system][:, None] * grad_frac,
            cell=score["cell"] - step[:, None, None] * grad_cell,
        )

    def backward(self, sampler: Sampler, z: Any, score: Any, t: float) -> tuple[Any, GuidedStep]:
        """s ← s − k_s(t) (α/σ²) ∇_x̂0 ℓ(x̂0) (Eq. 3), ∇ in the Cartesian metric of `descent`."""
        level = sampler.noise_level(z, t)
        clean = sampler.clean(z, score, level)
        value, grad_frac, grad_cell = loss_and_gradient(self.loss, clean)
        direction = descent(clean, grad_frac, grad_cell)
        step = self.length(strength(self.guide.k, t), direction)
        changed = pushed(score, clean, direction, step, level)
        return changed, GuidedStep(value, *extent(direction, step, clean.system), clean)

    def length(self, k: float, direction: Descent) -> Tensor:
        """(B,) k/‖∇ℓ‖ of each structure."""
        return normalised_step(
            k,
            direction.square_norm,
            over_batch=self.guide.normalize == "batch",
            cap=self.guide.cap,
        )


def normalised_step(
    k: float, square_norm: Tensor, *, over_batch: bool, cap: float | None
) -> Tensor:
    """(B,) min(k/‖∇ℓ‖, η) with ``square_norm`` (B,) = ‖∇ℓ‖² and ``cap`` = η (section
    2.2.3), 0 where the gradient is 0.

    over_batch: one norm for all structures, as in the authors' code, which makes the strength
    depend on the size of the batch.
    """
    square = square_norm.sum().expand_as(square_norm) if over_batch else square_norm
    step = torch.where(square > 0, k / square.clamp(min=1e-20).sqrt(), torch.zeros_like(square))
    return step if cap is None else step.clamp(max=cap)
