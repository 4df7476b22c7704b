"""The guided sampler: Algorithm 2 of arXiv:2604.13354 as a specialisation of MatterGen's
classifier-free-guidance predictor-corrector.

Differences from MatterGen's own loop, each on purpose:

* the corrector follows the predictor at the lower noise level (Algorithm 2), and its step size is
  one structure's, not the batch mean: together with per-structure noise nothing of one structure
  enters another (rounding does: see docs/guidance.md);
* the number of steps is free: the mask process of the atom types is rebuilt for it;
* guidance changes the score before the predictor, from x̂0 computed with that same (classifier-free
  guided) score.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import torch
from mattergen.common.diffusion.predictors_correctors import LatticeAncestralSamplingPredictor
from mattergen.diffusion.diffusion_module import DiffusionModule
from mattergen.diffusion.sampling.classifier_free_guidance import GuidedPredictorCorrector
from mattergen.diffusion.wrapped.wrapped_predictors_correctors import (
    WrappedAncestralSamplingPredictor,
)
from mattergen.property_embeddings import SetConditionalEmbeddingType, SetUnconditionalEmbeddingType
from torch import Tensor

from scoutlang.crystals.batch import MAX_Z, CrystalBatch
from scoutlang.evaluation.loss import Loss, gradient, loss_and_gradients
from scoutlang.ir import Guide
from scoutlang.sampling import guidance
from scoutlang.sampling.existence import pull
from scoutlang.sampling.langevin import PUBLISHED as PUBLISHED_LANGEVIN
from scoutlang.sampling.langevin import Langevin
from scoutlang.sampling.mattergen.batches import GIVEN_TYPES, broken, copies, held, twice
from scoutlang.sampling.mattergen.processes import NoiseLevel, Processes, with_steps
from scoutlang.sampling.noise import StructureNoise, structure_seed
from scoutlang.sampling.progress import GuidedStep, Progress
from scoutlang.sampling.resampling import Population
from scoutlang.sampling.schedules import is_active, strength

# of the batch: the effective size from which the weights are worth the loss of lines
RESAMPLE_BELOW = 0.5
ENERGY_FROM = 0.5  # diffusion time below which x̂0 is sharp enough for an energy


class GuidedSampler(GuidedPredictorCorrector):  # type: ignore[misc]
    """Samples crystals under a loss.

    Args:
        module: MatterGen's DiffusionModule, or anything with its ``corruption`` and ``score_fn`` (a
        closed-form toy in the tests). steps: N, number of noise levels. cfg: guidance factor of the
        classifier-free guidance. loss, guide: both or neither; without them this is plain
        non-guided sampling. allowed: atomic numbers that may be generated (the declared system).
        langevin: the corrector's settings. needed: sets of atomic numbers of which each should have
        an atom (`existence.needed`). above_hull: eV/atom (B,), NaN where unknown; asked at every
        resampling below t = `ENERGY_FROM` where the guide gives it a weight. on_step: called after
        every step; an exception raised there ends the sampling.
    """

    def __init__(
        self,
        module: DiffusionModule,
        *,
        steps: int,
        cfg: float,
        loss: Loss | None = None,
        guide: Guide | None = None,
        allowed: tuple[int, ...] | None = None,
        needed: tuple[tuple[int, ...], ...] = (),
        above_hull: Callable[[CrystalBatch], Tensor] | None = None,
        langevin: Langevin = PUBLISHED_LANGEVIN,
        device: torch.device | str = "cpu",
        on_step: Callable[[Progress], None] | None = None,
    ) -> None:
        if (loss is None) != (guide is None):
            raise ValueError("loss and guide go together")
        module = with_steps(module, steps)
        super().__init__(
            diffusion_module=module,
            predictor_partials={
                "pos": WrappedAncestralSamplingPredictor,
                "cell": LatticeAncestralSamplingPredictor,
            },
            corrector_partials=None,
            device=torch.device(device),
            n_steps_corrector=langevin.steps,
            N=steps,
            eps_t=1.0 / steps,
            guidance_scale=cfg,
            remove_conditioning_fn=SetUnconditionalEmbeddingType(),
            keep_conditioning_fn=SetConditionalEmbeddingType(),
        )
        self._loss, self._guide, self._on_step = loss, guide, on_step
        self._needed, self._above_hull, self._evaluations = needed, above_hull, 0
        self.processes = Processes(
            module.corruption, self._predictors, steps, langevin, self._device
        )
        self._lost = torch.zeros(0, dtype=torch.bool, device=self._device)
        self._forbidden = None
        if allowed is not None:
            self._forbidden = torch.ones(MAX_Z + 1, dtype=torch.bool, device=self._device)
            self._forbidden[[z - 1 for z in allowed]] = False

    # -- public
    # -------------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def generate(self, conditioning: Any, seeds: list[int]) -> Any:
        """One crystal per seed: a MatterGen batch with the mean of the last denoising step
        (MatterGen's convention).

        Structure b depends on ``seeds[b]``, its number of atoms and the settings only. The cell of
        one that diverged is NaN.
        """
        batch = conditioning.to(self._device)
        noise = StructureNoise(seeds, batch["num_atoms"].tolist(), self._device)
        batch, self._evaluations = self.processes.prior(batch, noise), 0
        self._lost = torch.zeros(len(seeds), dtype=torch.bool, device=self._device)
        self.ancestors = list(range(len(seeds)))
        population = Population.start(len(seeds))
        times = torch.linspace(self._max_t, self._eps_t, self.N, dtype=torch.float64).tolist()
        dt = -(self._max_t - self._eps_t) / (self.N - 1)
        for step, t in enumerate(times):
            last = step == self.N - 1
            batch, guided = self._step(batch, t, 0.0 if last else t + dt, step, noise)
            if guided is not None and self._resamples(step):
                batch, noise, population = self._resample(
                    batch, noise, population, guided, t, structure_seed(*seeds, step)
                )
                self.ancestors = population.ancestor.tolist()
            if self._on_step is not None:
                self._on_step(Progress(step + 1, self.N, t, guided, self._lost, self._evaluations))
        return batch.replace(cell=batch["cell"].masked_fill(self._lost[:, None, None], torch.nan))

    # -- Algorithm 2
    # ----------------------------------------------------------------------------------------------------------

    def _step(
        self, z: Any, t: float, s: float, step: int, noise: StructureNoise
    ) -> tuple[Any, GuidedStep | None]:
        """From noise level t to s; s = 0 is the last step, which returns the mean."""
        guide = self._guide
        guided = guide is not None and is_active(guide, t, step) and s > 0
        rounds = guide.recur if guide is not None and guided else 1
        told = None
        for round_ in range(rounds):
            if guide is not None and guided:
                score, told = self._guided_score(z, t, guide)
            else:
                score = self._score(z, t)
            z_s = self._held(self.processes.predict(z, score, t, s, noise))
            if s > 0:
                for _ in range(self._n_steps_corrector):
                    z_s = self._held(self._correct(z_s, s, step, noise))
            if round_ + 1 < rounds:
                z = self.processes.renoise(z_s, s, t, noise)
        return z_s, told

    def _held(self, z: Any) -> Any:
        """The batch with an innocent crystal in place of each lost one, whose NaN would end the
        linear algebra and the network for all.
        """
        self._lost = self._lost | broken(z)
        return held(z, self._lost, self.processes.limit_mean(z))

    def _correct(self, z: Any, s: float, step: int, noise: StructureNoise) -> Any:
        """A Langevin step. The paper's is not guided; the adaptive method's is, or it would pull
        back to the prior what the predictor was given.
        """
        score, guide, level = self._score(z, s), self._guide, self.processes.noise_level(z, s)
        if (
            guide is None
            or guide.method != "adaptive"
            or guide.corrector != "guided"
            or not is_active(guide, s, step)
        ):
            return self.processes.correct(z, score, score, s, level, noise)
        guided, _ = self._backward(z, score, level, strength(guide.k, s), guide)
        return self.processes.correct(z, score, guided, s, level, noise)

    def _guided_score(self, z: Any, t: float, guide: Guide) -> tuple[Any, GuidedStep]:
        assert self._loss is not None
        k, g, level = strength(guide.k, t), strength(guide.g, t), self.processes.noise_level(z, t)
        score = (
            self._forward(z, t, level, g, guide)
            if guide.method == "paper" and g > 0
            else self._score(z, t)
        )
        told = None
        for _ in range(guide.backward):
            score, latest = self._backward(z, score, level, k, guide)
            told = told or latest
        assert told is not None
        return score, told

    def _forward(self, z: Any, t: float, level: NoiseLevel, g: float, guide: Guide) -> Any:
        """s ← s − g ∇_z ℓ(x̂0(z)), the gradient through the score network that gave s (Eq. 2)."""
        assert self._loss is not None
        with torch.enable_grad():
            pos, cell = z["pos"].detach().requires_grad_(), z["cell"].detach().requires_grad_()
            tracked = z.replace(pos=pos, cell=cell)
            score = self._score(tracked, t)
            value = self._loss(self.processes.clean(tracked, score, level), guide.sharpness)
            grads = gradient(value, pos, cell)
        score = score.replace(
            **{k: score[k].detach() for k in ("pos", "cell", "atomic_numbers") if k in score}
        )
        clean = self.processes.clean(z, score, level)
        direction = guidance.descent(grads[0], grads[1], clean.cell, clean.system, clean.num_atoms)
        step = guidance.normalised_step(
            g, direction, over_batch=guide.normalize == "batch", cap=guide.cap
        )
        finite = torch.isfinite(direction.square_norm) & (direction.square_norm > 0)
        push = torch.where(finite, step, torch.zeros_like(step))
        grad_frac, grad_cell = (torch.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0) for x in grads)
        # a symmetric lattice has six entries, and an off-diagonal one stands in two places
        grad_cell = (
            grad_cell
            + grad_cell.transpose(1, 2)
            - torch.diag_embed(grad_cell.diagonal(dim1=1, dim2=2))
        )
        return score.replace(
            pos=score["pos"] - push[clean.system][:, None] * grad_frac,
            cell=score["cell"] - push[:, None, None] * grad_cell,
        )

    def _backward(
        self, z: Any, score: Any, level: NoiseLevel, k: float, guide: Guide
    ) -> tuple[Any, GuidedStep]:
        """s ← s + (α/σ²) Δx̂0 with Δx̂0 a step down the loss from x̂0 (Eq. 3; `adaptive` differs in
        the step length only).
        """
        loss = self._loss
        assert loss is not None
        clean = self.processes.clean(z, score, level)
        sharpness: float | Tensor = guide.sharpness
        if guide.kernel == "blurred":
            sharpness = guidance.blurred_sharpness(
                guide.sharpness, level.sigma_frac, clean.cell, clean.system
            )
        free_types = self.processes.has_types and GIVEN_TYPES not in z
        steer_types = (
            guide.method == "adaptive" and max(guide.types, guide.existence) > 0 and free_types
        )
        value, grad_frac, grad_cell, grad_species = loss_and_gradients(
            lambda crystals: loss(crystals, sharpness), clean, of_species=steer_types
        )
        direction = guidance.descent(
            grad_frac, grad_cell, clean.cell, clean.system, clean.num_atoms
        )
        if guide.method == "paper":
            step = guidance.normalised_step(
                k, direction, over_batch=guide.normalize == "batch", cap=guide.cap
            )
        else:
            step = guidance.adaptive_step(
                k,
                value.gap,
                direction,
                clean.system,
                level.sigma_frac,
                move=guide.move,
                strain=guide.strain,
            )
        delta_frac, delta_cell = guidance.displacement(direction, step, clean.cell, clean.system)
        changed = score.replace(
            pos=score["pos"] + delta_frac / level.sigma_frac.square(),
            cell=score["cell"] + level.alpha * delta_cell / level.sigma_cell.square(),
        )
        if steer_types:
            logits = score["atomic_numbers"]
            slope = guide.types * grad_species
            if guide.existence > 0:
                slope = slope + guide.existence * pull(
                    clean.species, clean.system, clean.size, self._needed
                )
            tilted = logits[:, :MAX_Z] + guidance.tilt(k, slope[:, 1:])
            changed = changed.replace(atomic_numbers=torch.cat([tilted, logits[:, MAX_Z:]], dim=1))
        return changed, GuidedStep(value, *guidance.extent(direction, step, clean.system), clean)

    def _resamples(self, step: int) -> bool:
        guide = self._guide
        if guide is None or guide.method != "adaptive" or guide.resample == 0:
            return False
        every, noise_follows = max(round(int(self.N) / guide.resample), 1), step + 2 < self.N
        return bool(noise_follows) and (step + 1) % every == 0

    def _resample(
        self,
        z: Any,
        noise: StructureNoise,
        population: Population,
        told: GuidedStep,
        t: float,
        seed: int,
    ) -> tuple[Any, StructureNoise, Population]:
        """Weigh the structures by their x̂0; where few of them carry the weight, replace the others
        by copies of these, with noise of their own.
        """
        guide = self._guide
        assert guide is not None
        reward = (-guide.reward * told.value.total).masked_fill(self._lost, torch.nan)
        if guide.stability > 0 and self._above_hull is not None and t <= ENERGY_FROM:
            height = self._above_hull(told.clean).to(reward)
            # an energy that nobody can tell is no better than the poorest that is known
            known = ~height.isnan()
            worst = height[known].max() if known.any() else height.new_zeros(())
            reward = reward - guide.stability * torch.where(known, height, worst).clamp(min=0.0)
        population = population.weighed(reward.double().cpu().numpy())
        if population.effective_size() > RESAMPLE_BELOW * len(population.reward):
            return z, noise, population
        population, parents = population.resampled(random.Random(seed).random(), guide.offspring)
        chosen = copies(z, parents.tolist(), self._device)
        self._lost = self._lost[torch.as_tensor(parents, device=self._device)]
        seeds = [structure_seed(seed, b) for b in range(len(parents))]
        return chosen, StructureNoise(seeds, chosen["num_atoms"].tolist(), self._device), population

    # -- score
    # -----------------------------------------------------------------------------------------------------------------

    def _score_fn(self, x: Any, t: Tensor) -> Any:
        """s_∅ + cfg (s_c − s_∅), both in one pass of the network over the batch and its copy
        (MatterGen makes two).
        """
        if self._guidance_scale in (0.0, 1.0):
            return super()._score_fn(x, t)
        kept, removed = self._keep_conditioning_fn(x), self._remove_conditioning_fn(x)
        both, prepare = twice(kept, removed), getattr(self._diffusion_module.model, "prepare", None)
        out = self._diffusion_module.score_fn(
            both if prepare is None else prepare(both, copies=2), torch.cat([t, t])
        )
        fields = {}
        for name in self._multi_corruption.corrupted_fields:
            with_condition, without = out[name].chunk(2)
            fields[name] = torch.lerp(without, with_condition, self._guidance_scale)
        return x.replace(**fields)

    def _score(self, z: Any, t: float) -> Any:
        """Classifier-free guided score (MatterGen's `_score_fn`), types restricted to the declared
        system.
        """
        score = self._score_fn(z, self.processes.time(z, t))
        self._evaluations += len(z["num_atoms"]) * (1 if self._guidance_scale in (0.0, 1.0) else 2)
        if self._forbidden is None or not self.processes.has_types:
            return score
        logits = score["atomic_numbers"]
        return score.replace(
            atomic_numbers=logits.masked_fill(self._forbidden[: logits.shape[1]], -1e10)
        )
