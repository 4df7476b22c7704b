"""MatterGen's three noise processes on a batch: its prior, x̂0, and the steps between noise levels
that Algorithm 2 of arXiv:2604.13354 is made of.

A batch z is (F, L, A): fractional coordinates ``pos`` (N, 3), lattice ``cell`` (B, 3, 3) with rows
as vectors, ``atomic_numbers`` (N,) with 101 for the mask. The coefficients come from MatterGen's
own process classes, so a checkpoint with other constants is sampled with its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from mattergen.common.diffusion.predictors_correctors import LatticeAncestralSamplingPredictor
from mattergen.diffusion.corruption.d3pm_corruption import D3PMCorruption
from mattergen.diffusion.corruption.multi_corruption import MultiCorruption
from mattergen.diffusion.d3pm.d3pm import MaskDiffusion, create_discrete_diffusion_schedule
from mattergen.diffusion.diffusion_module import DiffusionModule
from mattergen.diffusion.discrete_time import to_discrete_time
from mattergen.diffusion.wrapped.wrapped_predictors_correctors import (
    WrappedAncestralSamplingPredictor,
)
from torch import Tensor

from scoutlang.crystals.batch import MAX_Z, CrystalBatch
from scoutlang.sampling.mattergen.batches import GIVEN_TYPES, wrap
from scoutlang.sampling.noise import StructureNoise


def with_steps(module: DiffusionModule, steps: int) -> DiffusionModule:
    """The same score model and processes with the absorbing atom-type process discretised in
    ``steps`` levels.
    """
    discrete = {}
    for name, corruption in module.corruption.discrete_corruptions.items():
        schedule = create_discrete_diffusion_schedule(kind="standard", num_steps=steps)
        discrete[name] = D3PMCorruption(
            MaskDiffusion(dim=corruption.d3pm.dim, schedule=schedule), offset=corruption.offset
        )
    changed = DiffusionModule(
        model=module.model,
        corruption=MultiCorruption(sdes=module.corruption.sdes, discrete_corruptions=discrete),
        loss_fn=module.loss_fn,
        pre_corruption_fn=module.pre_corruption_fn,
        timestep_sampler=module.timestep_sampler,
    )
    return changed.eval()


@dataclass(frozen=True)
class NoiseLevel:
    """What a diffusion time means for B crystals: z_t = α x_0 + (1 − α) μ + σ ε."""

    alpha: Tensor
    """(B, 1, 1) α of the lattice; that of the coordinates is 1."""
    sigma_cell: Tensor
    """(B, 3, 3) σ of the lattice, Å."""
    sigma_frac: Tensor
    """(B,) σ of the fractional coordinates."""


class Processes:
    """What happens to a batch between two evaluations of the score. Random numbers come from each
    structure's own stream.
    """

    def __init__(self, corruption: MultiCorruption, steps: int) -> None:
        """corruption: MatterGen's, with the mask process of ``steps`` levels (`with_steps`)."""
        self._corruption, self._steps = corruption, steps
        # MatterGen's predictors know the coefficients of an ancestral step
        self._coefficients = {
            "pos": WrappedAncestralSamplingPredictor(corruption.sdes["pos"], score_fn=None),
            "cell": LatticeAncestralSamplingPredictor(corruption.sdes["cell"], score_fn=None),
        }

    @property
    def has_types(self) -> bool:
        """Whether the model makes atom types; a model for given compositions does not."""
        return "atomic_numbers" in self._corruption.corruptions

    def free_types(self, z: Any) -> bool:
        """Whether the model chooses the types of this batch: it makes types, and none are given."""
        return self.has_types and GIVEN_TYPES not in z

    def time(self, z: Any, t: float) -> Tensor:
        """(B,) diffusion time."""
        return torch.full(
            (len(z["num_atoms"]),), t, device=z["num_atoms"].device, dtype=torch.float32
        )

    def noise_level(self, z: Any, t: float) -> NoiseLevel:
        """It depends on the numbers of atoms, and on nothing else in the batch."""
        time, sdes = self.time(z, t), self._corruption.sdes
        alpha, sigma_cell = sdes["cell"].mean_coeff_and_std(
            x=z["cell"], t=time, batch_idx=None, batch=z
        )
        sigma_frac = sdes["pos"].marginal_prob(x=time, t=time, batch_idx=None, batch=z)[1]
        return NoiseLevel(alpha, sigma_cell, sigma_frac)

    def limit_mean(self, z: Any) -> Tensor:
        """μ (B, 3, 3), the mean of the lattices at t = 1."""
        mean: Tensor = self._corruption.sdes["cell"].get_limit_mean(x=z["cell"], batch=z)
        return mean

    def clean(self, z: Any, score: Any, level: NoiseLevel) -> CrystalBatch:
        """x̂0 of coordinates and lattice, and the probabilities of the clean types."""
        system = z.get_batch_idx("pos")
        return CrystalBatch(
            frac=clean_frac(z["pos"], score["pos"], level.sigma_frac[system][:, None]),
            cell=clean_cell(
                z["cell"], score["cell"], level.alpha, level.sigma_cell, self.limit_mean(z)
            ),
            species=self.species(z, score),
            system=system,
            num_atoms=z["num_atoms"],
        )

    def species(self, z: Any, score: Any) -> Tensor:
        """(N, MAX_Z + 1) P(type | z_t): an unmasked atom keeps its type, a masked one has the
        network's probabilities.
        """
        kept = torch.nn.functional.one_hot(z["atomic_numbers"].clamp(max=MAX_Z + 1), MAX_Z + 2)[
            :, : MAX_Z + 1
        ].to(z["pos"].dtype)
        if not self.has_types:
            return kept
        if GIVEN_TYPES in z:
            return torch.nn.functional.one_hot(z[GIVEN_TYPES], MAX_Z + 1).to(z["pos"].dtype)
        guess = torch.softmax(score["atomic_numbers"].detach(), dim=-1)[:, :MAX_Z]
        guess = torch.cat([torch.zeros_like(guess[:, :1]), guess], dim=1)
        masked = (z["atomic_numbers"] > MAX_Z)[:, None]
        return torch.where(masked, guess, kept)

    def prior(self, z: Any, noise: StructureNoise) -> Any:
        """A draw from the limit distributions, by each structure's own stream."""
        sdes, system = self._corruption.sdes, z.get_batch_idx("pos")
        sigma = sdes["pos"].sigma_max * sdes["pos"].std_scaling(z)[system][:, None]
        cell_std = sdes["cell"].get_limit_var(x=z["cell"], batch=z).sqrt()
        cell_mean = self.limit_mean(z)
        drawn = {
            "pos": wrap(noise.atoms() * sigma),
            "cell": noise.cells() * cell_std + cell_mean,
        }
        if self.has_types:
            drawn["atomic_numbers"] = torch.full_like(z["atomic_numbers"], MAX_Z + 1)
        return z.replace(**drawn)

    def predict(self, z: Any, score: Any, t: float, s: float, noise: StructureNoise) -> Any:
        """Ancestral step z_s ~ p(z_s | z_t) with MatterGen's coefficients; the mean when s = 0."""
        time, system = self.time(z, t), z.get_batch_idx("pos")
        dt = torch.tensor(s - t, device=time.device, dtype=torch.float32)
        pos_x, pos_s, pos_std = self._coefficients["pos"]._get_coeffs(
            x=z["pos"], t=time, dt=dt, batch_idx=system, batch=z
        )
        cell_x, cell_s, cell_std = self._coefficients["cell"]._get_coeffs(
            x=z["cell"], t=time, dt=dt, batch_idx=None, batch=z
        )
        limit_mean = self.limit_mean(z)
        pos = pos_x * z["pos"] + pos_s * score["pos"]
        cell = cell_x * z["cell"] + cell_s * score["cell"] + (1 - cell_x) * limit_mean
        if s > 0:
            pos = pos + pos_std * noise.atoms()
            cell = cell + cell_std * noise.cells()
        fields = {"pos": wrap(pos), "cell": cell}
        if self.has_types:
            fields["atomic_numbers"] = self._predict_types(z, score, time, last=s <= 0, noise=noise)
        return z.replace(**fields)

    def _predict_types(
        self, z: Any, score: Any, time: Tensor, *, last: bool, noise: StructureNoise
    ) -> Tensor:
        """x_s ~ q(x_s | x_t, p(x_0)) of the absorbing process, by inverting the cumulative
        distribution with one uniform per atom.
        """
        corruption = self._corruption.corruptions["atomic_numbers"]
        level = to_discrete_time(t=time, N=self._steps, T=corruption.T)[
            z.get_batch_idx("pos")
        ].long()
        logits, _ = corruption.d3pm.sample_and_compute_posterior_q(
            x_0=torch.softmax(score["atomic_numbers"], dim=-1),
            t=level,
            make_one_hot=False,
            samples=corruption._to_zero_based(z["atomic_numbers"]),
            return_logits=True,
        )
        if GIVEN_TYPES in z:
            # The absorbing process says when an atom becomes known; what it then is was given.
            stays_masked = torch.softmax(logits, dim=-1)[:, MAX_Z:].sum(-1)
            known = z["atomic_numbers"] <= MAX_Z
            masked = torch.zeros_like(known) if last else ~known & (noise.uniform() < stays_masked)
            return torch.where(masked, torch.full_like(z[GIVEN_TYPES], MAX_Z + 1), z[GIVEN_TYPES])
        if last:
            logits = logits[:, :MAX_Z]
            best: Tensor = corruption._to_non_zero_based(logits.argmax(dim=-1))
            return best
        cumulative = torch.softmax(logits.double(), dim=-1).cumsum(dim=-1)
        cumulative = cumulative / cumulative[:, -1:]
        drawn: Tensor = (
            torch.searchsorted(cumulative, noise.uniform().double()[:, None])
            .squeeze(1)
            .clamp(max=logits.shape[1] - 1)
        )
        types: Tensor = corruption._to_non_zero_based(drawn)
        return types

    def renoise(self, z_s: Any, s: float, t: float, noise: StructureNoise) -> Any:
        """Self-recurrence: z_t ~ q(z_t | z_s), exactly, for coordinates, lattice and types."""
        lower, upper = self.noise_level(z_s, s), self.noise_level(z_s, t)
        sde, system = self._corruption.sdes["cell"], z_s.get_batch_idx("pos")
        fields = {
            "pos": renoise_frac(
                z_s["pos"],
                upper.sigma_frac[system][:, None],
                lower.sigma_frac[system][:, None],
                noise.atoms(),
            ),
            "cell": renoise_cell(
                z_s["cell"],
                upper.alpha / lower.alpha,
                self.limit_mean(z_s),
                sde.get_limit_var(x=z_s["cell"], batch=z_s).sqrt(),
                noise.cells(),
            ),
        }
        if self.has_types:
            types = z_s["atomic_numbers"]
            state = self._corruption.corruptions["atomic_numbers"].d3pm.state.to(types.device)
            level = int(to_discrete_time(t=torch.tensor(t), N=self._steps, T=1.0))
            mask = noise.uniform() >= state[level + 1] / state[level].clamp(min=1e-20)
            fields["atomic_numbers"] = torch.where(mask, torch.full_like(types, MAX_Z + 1), types)
        return z_s.replace(**fields)


def clean_frac(frac: Tensor, score: Tensor, sigma: Tensor) -> Tensor:
    """F̂0 = wrap(F + σ_F² s_F): Tweedie's estimate for the wrapped variance-exploding process,
    whose α is 1. The noise may have carried atoms out of the cell, so the result is wrapped.
    """
    return wrap(frac + sigma.square() * score)


def clean_cell(
    cell: Tensor, score: Tensor, alpha: Tensor, sigma: Tensor, limit_mean: Tensor
) -> Tensor:
    """L̂0 = [L + σ_L² s_L − (1 − α) μ] / α: Tweedie's estimate for the variance-preserving process,
    which tends to μ and not to 0.
    """
    return (cell + sigma.square() * score - (1 - alpha) * limit_mean) / alpha


def renoise_frac(frac: Tensor, sigma_t: Tensor, sigma_s: Tensor, noise: Tensor) -> Tensor:
    """z_t ~ q(z_t | z_s), s < t, of the wrapped variance-exploding process. Variances add, so the
    one of this step is σ_t² − σ_s²; both σ have the factor n^(−1/3).
    """
    return wrap(frac + (sigma_t.square() - sigma_s.square()).clamp(min=0).sqrt() * noise)


def renoise_cell(
    cell: Tensor, alpha_ts: Tensor, limit_mean: Tensor, limit_std: Tensor, noise: Tensor
) -> Tensor:
    """z_t ~ q(z_t | z_s): α_ts L_s + (1 − α_ts) μ + ν √(1 − α_ts²) ε, ε symmetric. Without μ and ν
    the volume would drift.
    """
    return (
        alpha_ts * cell
        + (1 - alpha_ts) * limit_mean
        + limit_std * (1 - alpha_ts.square()).clamp(min=0).sqrt() * noise
    )
