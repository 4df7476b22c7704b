"""``method adaptive``: Algorithm 2 without its forward guidance, and with four changes.

* The step on x̂0 is as long as the loss asks for and no longer than can be trusted
  (`adaptive_step`), so it vanishes when the hypothesis is met.
* The types of masked atoms are pushed, too (`tilt`).
* The corrector follows the guided score. With the plain one it would pull back to the prior what
  the predictor was given.
* Structures that do badly are replaced by copies of better ones (`resampling`).

docs/guidance.md has the equations and what each change is worth.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from scoutlang.crystals.batch import MAX_Z, CrystalBatch
from scoutlang.evaluation.loss import LossValue, loss_and_gradients
from scoutlang.ir import Guide
from scoutlang.sampling.guidance import Descent, descent, extent, pushed
from scoutlang.sampling.mattergen.sampler import Sampler
from scoutlang.sampling.progress import GuidedStep
from scoutlang.sampling.resampling import Population
from scoutlang.sampling.schedules import strength

MAX_TILT = 3.0
"""The most that a type logit is changed."""

MAX_SIGMA = 0.25
"""Noise level of the fractional coordinates above which x̂0 is too blurred to be worth steering."""

RESAMPLE_BELOW = 0.5
"""Share of the batch: the effective size from which resampling is worth the lines that it ends."""

ENERGY_FROM = 0.5
"""Diffusion time below which x̂0 is sharp enough for an energy."""


@dataclass(frozen=True)
class Adaptive:
    """The default method with the settings of a program."""

    guide: Guide
    """n_r is ``recur``, n_b ``backward``."""
    loss: Callable[[CrystalBatch], LossValue]
    """ℓ(C, f(·)), of x̂0."""
    above_hull: Callable[[CrystalBatch], Tensor] | None = None
    """x̂0 → (B,) eV/atom above the hull, NaN where unknown. Asked at every resampling below t =
    `ENERGY_FROM` where the guide gives it a weight.
    """

    def sample(self, sampler: Sampler, z: Any) -> Any:
        """z_N ~ q_T → z_0."""
        guide, population = self.guide, Population.start(len(z["num_atoms"]))
        for i, t, s in sampler.steps():  # t = t_i, s = t_{i−1}
            told, guided = None, s > 0 and guide.acts(t, i, sampler.total_steps)
            guided_corrector = guide.corrector == "guided" and guide.acts(s, i, sampler.total_steps)
            # self-recurrence loop
            for rounds_left in reversed(range(guide.recur if guided else 1)):
                score = sampler.score(z, t)
                if guided:
                    score, told = self.push(sampler, z, score, t)
                    # gradient descent loop
                    for _ in range(guide.backward - 1):
                        score, _ = self.push(sampler, z, score, t)
                z_s = sampler.predict(z, score, t, s)
                # corrector loop
                for _ in range(sampler.corrections(s)):
                    score = sampler.score(z_s, s)
                    if guided_corrector:
                        score, _ = self.push(sampler, z_s, score, s)
                    z_s = sampler.correct(z_s, score, s)
                if rounds_left:
                    z = sampler.renoise(z_s, s, t)
            z = z_s
            if told is not None and self.resamples(i, sampler.total_steps):
                z, population = self.resample(sampler, z, population, told, i, t)
            sampler.report(i, t, told)
        return z

    def push(self, sampler: Sampler, z: Any, score: Any, t: float) -> tuple[Any, GuidedStep]:
        """s ← s + (α/σ²) Δx̂0 (Eq. 3), with Δx̂0 an adaptive step down the loss; type logits get
        −k λ ∂ℓ/∂p.
        """
        guide, k = self.guide, strength(self.guide.k, t)
        level = sampler.noise_level(z, t)
        clean = sampler.clean(z, score, level)
        steer_types = guide.types > 0 and sampler.free_types(z)
        value, grad_frac, grad_cell, grad_species = loss_and_gradients(
            self.loss, clean, of_species=steer_types
        )
        direction = descent(clean, grad_frac, grad_cell)
        step = adaptive_step(
            k,
            value.gap,
            direction,
            clean.system,
            level.sigma_frac,
            move=guide.move,
            strain=guide.strain,
        )
        changed = pushed(score, clean, direction, step, level)
        if steer_types:
            logits = score["atomic_numbers"]
            tilted = logits[:, :MAX_Z] + tilt(k, guide.types * grad_species[:, 1:])
            changed = changed.replace(atomic_numbers=torch.cat([tilted, logits[:, MAX_Z:]], dim=1))
        return changed, GuidedStep(value, *extent(direction, step, clean.system), clean)

    def resamples(self, step: int, total_steps: int) -> bool:
        """Whether the population is looked at after this step. Not after the last two: copies that
        no noise follows would stay copies.
        """
        if self.guide.resample == 0:
            return False
        every = max(round(total_steps / self.guide.resample), 1)
        return step + 2 < total_steps and (step + 1) % every == 0

    def resample(
        self,
        sampler: Sampler,
        z: Any,
        population: Population,
        told: GuidedStep,
        step: int,
        t: float,
    ) -> tuple[Any, Population]:
        """Weigh the structures by their x̂0; where few of them carry the weight, replace the others
        by copies of these.
        """
        reward = self.reward(told, t).masked_fill(sampler.lost, torch.nan)
        population = population.weighed(reward.double().cpu().numpy())
        if population.effective_size() > RESAMPLE_BELOW * len(population.reward):
            return z, population
        seed = sampler.seed(step)
        population, parents = population.resampled(
            random.Random(seed).random(), self.guide.offspring
        )
        return sampler.copied(z, parents.tolist(), seed), population

    def reward(self, told: GuidedStep, t: float) -> Tensor:
        """(B,) r = −`reward` · ℓ(x̂0) − `stability` · [eV/atom above the hull]₊."""
        reward = -self.guide.reward * told.value.total
        if self.guide.stability == 0 or self.above_hull is None or t > ENERGY_FROM:
            return reward
        height = self.above_hull(told.clean).to(reward)
        # an energy that nobody can tell is no better than the poorest that is known
        known = ~height.isnan()
        worst = height[known].max() if known.any() else height.new_zeros(())
        return reward - self.guide.stability * torch.where(known, height, worst).clamp(min=0.0)


def adaptive_step(
    k: float,
    gap: Tensor,
    direction: Descent,
    system: Tensor,
    sigma_frac: Tensor,
    *,
    move: float,
    strain: float,
) -> Tensor:
    """(B,) Polyak step gap/m²: to where the linearised loss has fallen by the gap, limited to a
    trusted move of x̂0; zero above the noise level `MAX_SIGMA`.

    gap: (B,) of `LossValue`. sigma_frac: (B,). move: Å, the most that an atom of x̂0 moves in one
    step; strain: the largest strain of its cell.
    """
    furthest, strained = extent(direction, torch.ones_like(gap), system)
    limit = torch.minimum(move / furthest.clamp(min=1e-12), strain / strained.clamp(min=1e-12))
    polyak = gap / direction.square_norm.clamp(min=1e-20)
    useful = (direction.square_norm > 0) & torch.isfinite(gap) & (sigma_frac <= MAX_SIGMA)
    return torch.where(useful, k * torch.minimum(polyak, limit), torch.zeros_like(gap))


def tilt(k: float, slope: Tensor) -> Tensor:
    """(N, Z) change of the type logits, −k λ ∂ℓ/∂p_i(a), at most `MAX_TILT`: a type that lowers the
    loss becomes likelier.

    slope: λ ∂ℓ/∂p (N, Z), λ in logits per unit of ∂ℓ/∂p.
    """
    return (-k * torch.nan_to_num(slope)).clamp(-MAX_TILT, MAX_TILT)
