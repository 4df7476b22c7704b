"""The guided sampler: Algorithm 2 of arXiv:2604.13354 as a specialisation of MatterGen's classifier-free-guidance predictor-corrector.

Differences from MatterGen's own loop, each on purpose:

* the corrector follows the predictor at the lower noise level (Algorithm 2), and its step size is one structure's, not the batch mean:
  together with per-structure noise nothing of one structure enters another (rounding does: see docs/guidance.md);
* the number of steps is free: the mask process of the atom types is rebuilt for it;
* guidance changes the score before the predictor, from x̂0 computed with that same (classifier-free guided) score.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from mattergen.common.data.chemgraph import ChemGraph
from mattergen.common.data.collate import collate
from mattergen.common.diffusion.predictors_correctors import LatticeAncestralSamplingPredictor
from mattergen.common.utils.data_utils import compute_lattice_polar_decomposition
from mattergen.diffusion.corruption.d3pm_corruption import D3PMCorruption
from mattergen.diffusion.corruption.multi_corruption import MultiCorruption
from mattergen.diffusion.d3pm.d3pm import MaskDiffusion, create_discrete_diffusion_schedule
from mattergen.diffusion.d3pm.d3pm_predictors_correctors import D3PMAncestralSamplingPredictor
from mattergen.diffusion.diffusion_module import DiffusionModule
from mattergen.diffusion.discrete_time import to_discrete_time
from mattergen.diffusion.sampling.classifier_free_guidance import GuidedPredictorCorrector
from mattergen.diffusion.wrapped.wrapped_predictors_correctors import WrappedAncestralSamplingPredictor
from mattergen.property_embeddings import SetConditionalEmbeddingType, SetUnconditionalEmbeddingType
from torch import Tensor

from scoutlang.crystal import MAX_Z, CrystalBatch
from scoutlang.geometry import sum_by_structure
from scoutlang.ir import Guide
from scoutlang.loss.lower import Loss, gradient, loss_and_gradients
from scoutlang.sampling import guidance
from scoutlang.sampling.existence import pull
from scoutlang.sampling.langevin import PUBLISHED as PUBLISHED_LANGEVIN
from scoutlang.sampling.langevin import Langevin
from scoutlang.sampling.noise import StructureNoise, structure_seed
from scoutlang.sampling.progress import GuidedStep, Progress
from scoutlang.sampling.resampling import Population
from scoutlang.sampling.schedules import is_active, strength

_CONDITIONS = "_USE_UNCONDITIONAL_EMBEDDING"  # MatterGen's field: condition → (B, 1) bool, whether it is left out
RESAMPLE_BELOW = 0.5  # of the batch: the effective size from which the weights are worth the loss of lines
ENERGY_FROM = 0.3  # diffusion time below which x̂0 is sharp enough for an energy


def with_steps(module: DiffusionModule, steps: int) -> DiffusionModule:
    """The same score model and processes with the absorbing atom-type process discretised in ``steps`` levels."""
    discrete = {}
    for name, corruption in module.corruption.discrete_corruptions.items():
        schedule = create_discrete_diffusion_schedule(kind="standard", num_steps=steps)
        discrete[name] = D3PMCorruption(MaskDiffusion(dim=corruption.d3pm.dim, schedule=schedule), offset=corruption.offset)
    changed = DiffusionModule(
        model=module.model,
        corruption=MultiCorruption(sdes=module.corruption.sdes, discrete_corruptions=discrete),
        loss_fn=module.loss_fn,
        pre_corruption_fn=module.pre_corruption_fn,
        timestep_sampler=module.timestep_sampler,
    )
    return changed.eval()


def conditions(num_atoms: list[int], chemical_system: str | None) -> Any:
    """A batch of empty crystals that carries the conditions; ``chemical_system`` is ``Ca-Cu-P-Si`` or None."""
    extra = {} if chemical_system is None else {"chemical_system": chemical_system}
    graphs = [
        ChemGraph(
            atomic_numbers=torch.zeros(n, dtype=torch.long),
            pos=torch.zeros(n, 3),
            cell=torch.zeros(1, 3, 3),
            num_atoms=torch.tensor([n]),
            **extra,
        )
        for n in num_atoms
    ]
    return collate(graphs)


class GuidedSampler(GuidedPredictorCorrector):  # type: ignore[misc]
    """Samples crystals under a loss.

    Args:
        module: MatterGen's DiffusionModule, or anything with its ``corruption`` and ``score_fn`` (a closed-form toy in the tests).
        steps: N, number of noise levels. cfg: guidance factor of the classifier-free guidance.
        loss, guide: both or neither; without them this is plain non-guided sampling.
        allowed: atomic numbers that may be generated (the declared system). langevin: the corrector's settings.
        types: (N,) atomic numbers of the whole batch, where the composition is known: each step unmasks some of these in place of what the
            network would draw (inpainting by replacement).
        needed: sets of atomic numbers of which each should have an atom (`existence.needed`).
        above_hull: eV/atom (B,), NaN where unknown; asked at every resampling below t = `ENERGY_FROM` where the guide gives it a weight.
        on_step: called after every step; an exception raised there ends the sampling.
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
        types: Tensor | None = None,
        needed: tuple[tuple[int, ...], ...] = (),
        above_hull: Callable[[CrystalBatch], Tensor] | None = None,
        langevin: Langevin = PUBLISHED_LANGEVIN,
        device: torch.device | str = "cpu",
        on_step: Callable[[Progress], None] | None = None,
    ) -> None:
        if (loss is None) != (guide is None):
            raise ValueError("loss and guide go together")
        module = with_steps(module, steps)
        predictors = {
            "pos": partial(WrappedAncestralSamplingPredictor),
            "cell": partial(LatticeAncestralSamplingPredictor),
            "atomic_numbers": partial(D3PMAncestralSamplingPredictor, predict_x0=True),
        }
        super().__init__(
            diffusion_module=module,
            predictor_partials={k: v for k, v in predictors.items() if k in module.corruption.corruptions},
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
        self._needed, self._above_hull, self._langevin = needed, above_hull, langevin
        self._evaluations = 0
        self._types = None if types is None else types.to(self._device)
        self._forbidden = None
        if allowed is not None:
            self._forbidden = torch.ones(MAX_Z + 1, dtype=torch.bool, device=self._device)
            self._forbidden[[z - 1 for z in allowed]] = False

    # -- public -------------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def generate(self, conditioning: Any, seeds: list[int]) -> Any:
        """One crystal per seed: a MatterGen batch with the mean of the last denoising step (MatterGen's convention).

        Structure b depends on ``seeds[b]``, its number of atoms and the settings only.
        """
        batch = conditioning.to(self._device)
        noise = StructureNoise(seeds, batch["num_atoms"].tolist(), self._device)
        batch, self._evaluations = self._prior(batch, noise), 0
        self.ancestors = list(range(len(seeds)))
        population = Population.start(len(seeds))
        times = torch.linspace(self._max_t, self._eps_t, self.N, dtype=torch.float64).tolist()
        dt = -(self._max_t - self._eps_t) / (self.N - 1)
        for step, t in enumerate(times):
            last = step == self.N - 1
            batch, guided = self._step(batch, t, 0.0 if last else t + dt, step, noise)
            if guided is not None and self._resamples(step):
                batch, noise, population = self._resample(batch, noise, population, guided, t, structure_seed(*seeds, step))
                self.ancestors = population.ancestor.tolist()
            if self._on_step is not None:
                self._on_step(Progress(step + 1, self.N, t, guided, _broken(batch), self._evaluations))
        return batch

    # -- Algorithm 2 ----------------------------------------------------------------------------------------------------------

    def _step(self, z: Any, t: float, s: float, step: int, noise: StructureNoise) -> tuple[Any, GuidedStep | None]:
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
            z_s = self._predict(z, score, t, s, noise)
            if s > 0:
                steer = (
                    guide
                    if guide is not None and guide.method == "adaptive" and guide.corrector == "guided" and is_active(guide, s, step)
                    else None
                )
                for _ in range(self._n_steps_corrector):
                    z_s = self._correct(z_s, s, noise, steer)
            if round_ + 1 < rounds:
                z = self._renoise(z_s, s, t, noise)
        return z_s, told

    def _guided_score(self, z: Any, t: float, guide: Guide) -> tuple[Any, GuidedStep]:
        assert self._loss is not None
        k, g = strength(guide.k, t), strength(guide.g, t)
        score = self._forward(z, t, g, guide) if guide.method == "paper" and g > 0 else self._score(z, t)
        told = None
        for _ in range(guide.backward):
            score, latest = self._backward(z, score, t, k, guide)
            told = told or latest
        assert told is not None
        return score, told

    def _forward(self, z: Any, t: float, g: float, guide: Guide) -> Any:
        """s ← s − g ∇_z ℓ(x̂0(z)), the gradient through the score network that gave s (Eq. 2)."""
        assert self._loss is not None
        with torch.enable_grad():
            pos, cell = z["pos"].detach().requires_grad_(), z["cell"].detach().requires_grad_()
            tracked = z.replace(pos=pos, cell=cell)
            score = self._score(tracked, t)
            value = self._loss(self._clean(tracked, score, t), guide.sharpness)
            grads = gradient(value, pos, cell)
        score = score.replace(**{k: score[k].detach() for k in ("pos", "cell", "atomic_numbers") if k in score})
        clean = self._clean(z, score, t)
        direction = guidance.descent(grads[0], grads[1], clean.cell, clean.system, clean.num_atoms)
        step = guidance.normalised_step(g, direction, over_batch=guide.normalize == "batch", cap=guide.cap)
        finite = torch.isfinite(direction.square_norm) & (direction.square_norm > 0)
        push = torch.where(finite, step, torch.zeros_like(step))
        grad_frac, grad_cell = (torch.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0) for x in grads)
        # a symmetric lattice has six entries, and an off-diagonal one stands in two places
        grad_cell = grad_cell + grad_cell.transpose(1, 2) - torch.diag_embed(grad_cell.diagonal(dim1=1, dim2=2))
        return score.replace(
            pos=score["pos"] - push[clean.system][:, None] * grad_frac, cell=score["cell"] - push[:, None, None] * grad_cell
        )

    def _backward(self, z: Any, score: Any, t: float, k: float, guide: Guide) -> tuple[Any, GuidedStep]:
        """s ← s + (α/σ²) Δx̂0 with Δx̂0 a step down the loss from x̂0 (Eq. 3; `adaptive` differs in the step length only)."""
        loss = self._loss
        assert loss is not None
        clean = self._clean(z, score, t)
        alpha, sigma_cell, sigma_frac = self._noise_level(z, t)
        sharpness: float | Tensor = guide.sharpness
        if guide.kernel == "blurred":
            sharpness = guidance.blurred_sharpness(guide.sharpness, sigma_frac, clean.cell, clean.system)
        free_types = "atomic_numbers" in self._predictors and self._types is None
        steer_types = guide.method == "adaptive" and max(guide.types, guide.existence) > 0 and free_types
        value, grad_frac, grad_cell, grad_species = loss_and_gradients(
            lambda crystals: loss(crystals, sharpness), clean, of_species=steer_types
        )
        direction = guidance.descent(grad_frac, grad_cell, clean.cell, clean.system, clean.num_atoms)
        if guide.method == "paper":
            step = guidance.normalised_step(k, direction, over_batch=guide.normalize == "batch", cap=guide.cap)
        else:
            step = guidance.adaptive_step(k, value.gap, direction, clean.system, sigma_frac, move=guide.move, strain=guide.strain)
        delta_frac, delta_cell = guidance.displacement(direction, step, clean.cell, clean.system)
        changed = score.replace(
            pos=score["pos"] + delta_frac / sigma_frac.square(), cell=score["cell"] + alpha * delta_cell / sigma_cell.square()
        )
        if steer_types:
            logits = score["atomic_numbers"]
            existence = pull(clean.species, clean.system, clean.size, self._needed)
            tilted = logits[:, :MAX_Z] + guidance.tilt(k, guide.types * grad_species[:, 1:] + guide.existence * existence[:, 1:])
            changed = changed.replace(atomic_numbers=torch.cat([tilted, logits[:, MAX_Z:]], dim=1))
        return changed, GuidedStep(value, *guidance.extent(direction, step, clean.system), clean)

    def _resamples(self, step: int) -> bool:
        guide = self._guide
        if guide is None or guide.method != "adaptive" or guide.resample == 0:
            return False
        return (step + 1) % max(round(self.N / guide.resample), 1) == 0

    def _resample(
        self, z: Any, noise: StructureNoise, population: Population, told: GuidedStep, t: float, seed: int
    ) -> tuple[Any, StructureNoise, Population]:
        """Weigh the structures by their x̂0; where few of them carry the weight, replace the others by copies of these, with noise of their own."""
        guide = self._guide
        assert guide is not None
        reward = -guide.reward * told.value.total
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
        return (
            chosen,
            StructureNoise([structure_seed(seed, b) for b in range(len(parents))], chosen["num_atoms"].tolist(), self._device),
            population,
        )

    # -- pieces -----------------------------------------------------------------------------------------------------------------

    def _time(self, z: Any, t: float) -> Tensor:
        return torch.full((z["num_atoms"].shape[0],), t, device=self._device, dtype=torch.float32)

    def _score_fn(self, x: Any, t: Tensor) -> Any:
        """s_∅ + cfg (s_c − s_∅), both in one pass of the network over the batch and its copy (MatterGen makes two)."""
        if self._guidance_scale in (0.0, 1.0):
            return super()._score_fn(x, t)
        kept, removed = self._keep_conditioning_fn(x), self._remove_conditioning_fn(x)
        out = self._diffusion_module.score_fn(twice(kept, removed), torch.cat([t, t]))
        fields = {}
        for name in self._multi_corruption.corrupted_fields:
            with_condition, without = out[name].chunk(2)
            fields[name] = torch.lerp(without, with_condition, self._guidance_scale)
        return x.replace(**fields)

    def _score(self, z: Any, t: float) -> Any:
        """Classifier-free guided score (MatterGen's `_score_fn`), types restricted to the declared system."""
        score = self._score_fn(z, self._time(z, t))
        self._evaluations += len(z["num_atoms"]) * (1 if self._guidance_scale in (0.0, 1.0) else 2)
        if self._forbidden is None or "atomic_numbers" not in self._predictors:
            return score
        logits = score["atomic_numbers"]
        return score.replace(atomic_numbers=logits.masked_fill(self._forbidden[: logits.shape[1]], -1e10))

    def _noise_level(self, z: Any, t: float) -> tuple[Tensor, Tensor, Tensor]:
        """α_L (B, 1, 1), σ_L (B, 3, 3), σ_F (N, 1) at time t."""
        time, sdes = self._time(z, t), self._multi_corruption.sdes
        alpha, sigma_cell = sdes["cell"].mean_coeff_and_std(x=z["cell"], t=time, batch_idx=None, batch=z)
        sigma_frac = sdes["pos"].marginal_prob(x=z["pos"][:, :1], t=time, batch_idx=z.get_batch_idx("pos"), batch=z)[1]
        return alpha, sigma_cell, sigma_frac.reshape(len(z["pos"]), -1)[:, :1]

    def _clean(self, z: Any, score: Any, t: float) -> CrystalBatch:
        """x̂0 of coordinates and lattice, and the clean-type probabilities (traps 1, 7, 8, 11)."""
        alpha, sigma_cell, sigma_frac = self._noise_level(z, t)
        limit_mean = self._multi_corruption.sdes["cell"].get_limit_mean(x=z["cell"], batch=z)
        return CrystalBatch(
            frac=guidance.clean_frac(z["pos"], score["pos"], sigma_frac),
            cell=guidance.clean_cell(z["cell"], score["cell"], alpha, sigma_cell, limit_mean),
            species=self._species(z, score),
            system=z.get_batch_idx("pos"),
            num_atoms=z["num_atoms"],
        )

    def _species(self, z: Any, score: Any) -> Tensor:
        """(N, MAX_Z + 1) P(type | z_t): an unmasked atom keeps its type, a masked one has the network's probabilities."""
        kept = torch.nn.functional.one_hot(z["atomic_numbers"].clamp(max=MAX_Z + 1), MAX_Z + 2)[:, : MAX_Z + 1].to(z["pos"].dtype)
        if "atomic_numbers" not in self._predictors:
            return kept
        if self._types is not None:
            return torch.nn.functional.one_hot(self._types, MAX_Z + 1).to(z["pos"].dtype)
        guess = torch.softmax(score["atomic_numbers"].detach(), dim=-1)[:, :MAX_Z]
        guess = torch.cat([torch.zeros_like(guess[:, :1]), guess], dim=1)
        masked = (z["atomic_numbers"] > MAX_Z)[:, None]
        return torch.where(masked, guess, kept)

    def _prior(self, z: Any, noise: StructureNoise) -> Any:
        """A draw from the limit distributions, by each structure's own stream."""
        sdes, system = self._multi_corruption.sdes, z.get_batch_idx("pos")
        sigma = sdes["pos"].sigma_max * sdes["pos"].std_scaling(z)[system][:, None]
        cell_std = sdes["cell"].get_limit_var(x=z["cell"], batch=z).sqrt()
        cell_mean = sdes["cell"].get_limit_mean(x=z["cell"], batch=z)
        drawn = {"pos": guidance.wrap(noise.atoms() * sigma), "cell": guidance.symmetric_noise(noise.cells()) * cell_std + cell_mean}
        if "atomic_numbers" in self._predictors:
            drawn["atomic_numbers"] = torch.full_like(z["atomic_numbers"], MAX_Z + 1)
        return z.replace(**drawn)

    def _predict(self, z: Any, score: Any, t: float, s: float, noise: StructureNoise) -> Any:
        """Ancestral step z_s ~ p(z_s | z_t) with MatterGen's coefficients; the mean when s = 0."""
        time, system = self._time(z, t), z.get_batch_idx("pos")
        dt = torch.tensor(s - t, device=self._device, dtype=torch.float32)
        pos_x, pos_s, pos_std = self._predictors["pos"]._get_coeffs(x=z["pos"], t=time, dt=dt, batch_idx=system, batch=z)
        cell_x, cell_s, cell_std = self._predictors["cell"]._get_coeffs(x=z["cell"], t=time, dt=dt, batch_idx=None, batch=z)
        limit_mean = self._multi_corruption.sdes["cell"].get_limit_mean(x=z["cell"], batch=z)
        pos = pos_x * z["pos"] + pos_s * score["pos"]
        cell = cell_x * z["cell"] + cell_s * score["cell"] + (1 - cell_x) * limit_mean
        if s > 0:
            pos = pos + pos_std * noise.atoms()
            cell = cell + cell_std * guidance.symmetric_noise(noise.cells())
        fields = {"pos": guidance.wrap(pos), "cell": cell}
        if "atomic_numbers" in self._predictors:
            fields["atomic_numbers"] = self._predict_types(z, score, time, last=s <= 0, noise=noise)
        return z.replace(**fields)

    def _predict_types(self, z: Any, score: Any, time: Tensor, *, last: bool, noise: StructureNoise) -> Tensor:
        """x_s ~ q(x_s | x_t, p(x_0)) of the absorbing process, by inverting the cumulative distribution with one uniform per atom."""
        corruption = self._multi_corruption.corruptions["atomic_numbers"]
        level = to_discrete_time(t=time, N=self.N, T=corruption.T)[z.get_batch_idx("pos")].long()
        logits, _ = corruption.d3pm.sample_and_compute_posterior_q(
            x_0=torch.softmax(score["atomic_numbers"], dim=-1),
            t=level,
            make_one_hot=False,
            samples=corruption._to_zero_based(z["atomic_numbers"]),
            return_logits=True,
        )
        if self._types is not None:
            # The absorbing process says when an atom becomes known; what it then is was given.
            stays_masked = torch.softmax(logits, dim=-1)[:, MAX_Z:].sum(-1)
            known = z["atomic_numbers"] <= MAX_Z
            masked = torch.zeros_like(known) if last else ~known & (noise.uniform() < stays_masked)
            return torch.where(masked, torch.full_like(self._types, MAX_Z + 1), self._types)
        if last:
            logits = logits[:, :MAX_Z]
            best: Tensor = corruption._to_non_zero_based(logits.argmax(dim=-1))
            return best
        cumulative = torch.softmax(logits.double(), dim=-1).cumsum(dim=-1)
        cumulative = cumulative / cumulative[:, -1:]
        drawn: Tensor = torch.searchsorted(cumulative, noise.uniform().double()[:, None]).squeeze(1).clamp(max=logits.shape[1] - 1)
        types: Tensor = corruption._to_non_zero_based(drawn)
        return types

    def _correct(self, z: Any, s: float, noise: StructureNoise, guide: Guide | None) -> Any:
        """One Langevin step of Algorithm 2: λ = 2 α (r‖ε‖/‖s‖)², with the norms of one structure; at most σ², where the score vanishes.

        With s = −ε/σ it is 2 α r² σ². Without the bound a score that is nearly zero at high noise lets rounding decide where the atoms go. The paper's corrector is not guided; the adaptive method's is, or it would pull back to the prior what the predictor was given.
        """
        plain = self._score(z, s)
        score = plain if guide is None else self._backward(z, plain, s, strength(guide.k, s), guide)[0]
        system, size = z.get_batch_idx("pos"), z["num_atoms"].shape[0]

        _, sigma_cell, sigma_frac = self._noise_level(z, s)

        def step_size(field: str, r: float, alpha: float, drawn: Tensor, index: Tensor, largest: Tensor) -> Tensor:
            def square(x: Tensor) -> Tensor:
                return sum_by_structure(x.flatten(1).square().sum(1), index, size)

            ratio = square(drawn) / square(plain[field]).clamp(min=1e-20)
            return torch.minimum(2 * alpha * r**2 * ratio, largest.square())

        noise_frac, noise_cell = noise.atoms(), guidance.symmetric_noise(noise.cells())
        everyone = torch.arange(size, device=self._device)
        sde = self._multi_corruption.sdes["cell"]
        now, before = self._time(z, s), self._time(z, max(s - 1.0 / self.N, 0.0))
        alpha = float((sde._marginal_mean_coeff(now) / sde._marginal_mean_coeff(before)).square()[0])
        sigma = torch.zeros(size, device=self._device).index_copy_(0, system, sigma_frac[:, 0])
        frac_step = step_size("pos", self._langevin.pos, 1.0, noise_frac, system, sigma)[system][:, None]
        cell_step = step_size("cell", self._langevin.cell, alpha, noise_cell, everyone, sigma_cell[:, 0, 0])[:, None, None]
        pos = z["pos"] + frac_step * score["pos"] + (2 * frac_step).sqrt() * noise_frac
        cell = z["cell"] + cell_step * score["cell"] + (2 * cell_step).sqrt() * noise_cell
        return z.replace(pos=guidance.wrap(pos), cell=compute_lattice_polar_decomposition(cell))

    def _renoise(self, z_s: Any, s: float, t: float, noise: StructureNoise) -> Any:
        """Self-recurrence: z_t ~ q(z_t | z_s), exactly, for coordinates, lattice and types (traps 2, 3)."""
        alpha_s, _, sigma_s = self._noise_level(z_s, s)
        alpha_t, _, sigma_t = self._noise_level(z_s, t)
        sde = self._multi_corruption.sdes["cell"]
        limit_mean = sde.get_limit_mean(x=z_s["cell"], batch=z_s)
        limit_std = sde.get_limit_var(x=z_s["cell"], batch=z_s).sqrt()
        fields = {
            "pos": guidance.renoise_frac(z_s["pos"], sigma_t, sigma_s, noise.atoms()),
            "cell": guidance.renoise_cell(z_s["cell"], alpha_t / alpha_s, limit_mean, limit_std, guidance.symmetric_noise(noise.cells())),
        }
        if "atomic_numbers" in self._predictors:
            state = self._multi_corruption.corruptions["atomic_numbers"].d3pm.state.to(self._device)
            level = int(to_discrete_time(t=torch.tensor(t), N=self.N, T=1.0))
            mask = noise.uniform() >= state[level + 1] / state[level].clamp(min=1e-20)
            fields["atomic_numbers"] = torch.where(mask, torch.full_like(z_s["atomic_numbers"], MAX_Z + 1), z_s["atomic_numbers"])
        return z_s.replace(**fields)


def twice(first: Any, second: Any) -> Any:
    """One batch of two that hold the same crystals; they differ in which of their conditions count."""
    size = len(first["num_atoms"])
    tensors = {name: torch.cat([first[name], second[name]]) for name in ("pos", "cell", "atomic_numbers", "num_atoms")}
    conditions_ = {name: list(first[name]) * 2 for name in ("chemical_system",) if name in first}
    flags = {name: torch.cat([first[_CONDITIONS][name], second[_CONDITIONS][name]]) for name in first[_CONDITIONS]}
    index = torch.cat([first["batch"], second["batch"] + size])
    ptr = torch.cat([first["ptr"], second["ptr"][1:] + first["ptr"][-1]])
    return first.replace(**tensors, **conditions_, **{_CONDITIONS: flags}, batch=index, ptr=ptr)


def copies(z: Any, parents: list[int], device: torch.device) -> Any:
    """The batch whose structure b is a copy of structure ``parents[b]`` of ``z``."""
    sizes = z["num_atoms"].tolist()
    starts = list(itertools.accumulate(sizes, initial=0))
    atoms = torch.tensor([i for p in parents for i in range(starts[p], starts[p + 1])], device=device)
    system = z["chemical_system"][0] if "chemical_system" in z else None
    fresh = conditions([sizes[p] for p in parents], system if system is None or isinstance(system, str) else "-".join(system)).to(device)
    fields = {"pos": z["pos"][atoms], "cell": z["cell"][torch.tensor(parents, device=device)], "atomic_numbers": z["atomic_numbers"][atoms]}
    return fresh.replace(**fields)


def _broken(z: Any) -> Tensor:
    """(B,) bool: structures with a coordinate or a lattice entry that is not finite."""
    finite = torch.isfinite(z["cell"]).flatten(1).all(1)
    lost = torch.zeros_like(finite).index_put((z.get_batch_idx("pos"),), ~torch.isfinite(z["pos"]).all(1), accumulate=True)
    return ~finite | lost
