"""MatterGen's three noise processes on a batch: its prior, x̂0, and the steps between noise levels
that Algorithm 2 of arXiv:2604.13354 is made of.

A batch z is (F, L, A): fractional coordinates ``pos`` (N, 3), lattice ``cell`` (B, 3, 3) with rows
as vectors, ``atomic_numbers`` (N,) with 101 for the mask. The coefficients come from MatterGen's
own process classes, so a checkpoint with other constants is sampled with its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from mattergen.common.utils.data_utils import compute_lattice_polar_decomposition
from mattergen.diffusion.corruption.d3pm_corruption import D3PMCorruption
from mattergen.diffusion.corruption.multi_corruption import MultiCorruption
from mattergen.diffusion.d3pm.d3pm import MaskDiffusion, create_discrete_diffusion_schedule
from mattergen.diffusion.diffusion_module import DiffusionModule
from mattergen.diffusion.discrete_time import to_discrete_time
from torch import Tensor

from scoutlang.crystals.batch import MAX_Z, CrystalBatch
from scoutlang.crystals.neighbours import sum_by_structure
from scoutlang.sampling import guidance
from scoutlang.sampling.langevin import Langevin
from scoutlang.sampling.mattergen.batches import GIVEN_TYPES, is_lattice
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
    """What time t means for a batch: α_L (B, 1, 1), σ_L (B, 3, 3), σ_F (N, 1)."""

    alpha: Tensor
    sigma_cell: Tensor
    sigma_frac: Tensor


class Processes:
    """What happens to a batch between two evaluations of the score. Random numbers come from each
    structure's own stream.

    corruption: with the mask process of ``steps`` levels (`with_steps`). predictors: MatterGen's,
    of ``pos`` and ``cell``; they know the coefficients. langevin: settings of the corrector.
    """

    def __init__(
        self,
        corruption: MultiCorruption,
        predictors: Mapping[str, Any],
        steps: int,
        langevin: Langevin,
        device: torch.device,
    ) -> None:
        self._corruption, self._predictors, self._steps, self._langevin, self._device = (
            corruption,
            predictors,
            steps,
            langevin,
            device,
        )

    @property
    def has_types(self) -> bool:
        """Whether the model makes atom types; a model for given compositions does not."""
        return "atomic_numbers" in self._corruption.corruptions

    def time(self, z: Any, t: float) -> Tensor:
        """(B,) diffusion time."""
        return torch.full((z["num_atoms"].shape[0],), t, device=self._device, dtype=torch.float32)

    def noise_level(self, z: Any, t: float) -> NoiseLevel:
        """It depends on the numbers of atoms, and on nothing else in the batch."""
        time, sdes = self.time(z, t), self._corruption.sdes
        alpha, sigma_cell = sdes["cell"].mean_coeff_and_std(
            x=z["cell"], t=time, batch_idx=None, batch=z
        )
        sigma_frac = sdes["pos"].marginal_prob(
            x=z["pos"][:, :1], t=time, batch_idx=z.get_batch_idx("pos"), batch=z
        )[1]
        return NoiseLevel(alpha, sigma_cell, sigma_frac.reshape(len(z["pos"]), -1)[:, :1])

    def limit_mean(self, z: Any) -> Tensor:
        """μ (B, 3, 3), the mean of the lattices at t = 1."""
        mean: Tensor = self._corruption.sdes["cell"].get_limit_mean(x=z["cell"], batch=z)
        return mean

    def clean(self, z: Any, score: Any, level: NoiseLevel) -> CrystalBatch:
        """x̂0 of coordinates and lattice, and the clean-type probabilities (traps 1, 7, 8, 11)."""
        limit_mean = self.limit_mean(z)
        return CrystalBatch(
            frac=guidance.clean_frac(z["pos"], score["pos"], level.sigma_frac),
            cell=guidance.clean_cell(
                z["cell"], score["cell"], level.alpha, level.sigma_cell, limit_mean
            ),
            species=self.species(z, score),
            system=z.get_batch_idx("pos"),
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
            "pos": guidance.wrap(noise.atoms() * sigma),
            "cell": guidance.symmetric_noise(noise.cells()) * cell_std + cell_mean,
        }
        if self.has_types:
            drawn["atomic_numbers"] = torch.full_like(z["atomic_numbers"], MAX_Z + 1)
        return z.replace(**drawn)

    def predict(self, z: Any, score: Any, t: float, s: float, noise: StructureNoise) -> Any:
        """Ancestral step z_s ~ p(z_s | z_t) with MatterGen's coefficients; the mean when s = 0."""
        time, system = self.time(z, t), z.get_batch_idx("pos")
        dt = torch.tensor(s - t, device=self._device, dtype=torch.float32)
        pos_x, pos_s, pos_std = self._predictors["pos"]._get_coeffs(
            x=z["pos"], t=time, dt=dt, batch_idx=system, batch=z
        )
        cell_x, cell_s, cell_std = self._predictors["cell"]._get_coeffs(
            x=z["cell"], t=time, dt=dt, batch_idx=None, batch=z
        )
        limit_mean = self.limit_mean(z)
        pos = pos_x * z["pos"] + pos_s * score["pos"]
        cell = cell_x * z["cell"] + cell_s * score["cell"] + (1 - cell_x) * limit_mean
        if s > 0:
            pos = pos + pos_std * noise.atoms()
            cell = cell + cell_std * guidance.symmetric_noise(noise.cells())
        fields = {"pos": guidance.wrap(pos), "cell": cell}
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

    def correct(
        self, z: Any, plain: Any, score: Any, s: float, level: NoiseLevel, noise: StructureNoise
    ) -> Any:
        """One Langevin step of Algorithm 2 along ``score``: λ = 2 α (r ‖ε‖/‖s‖)², with the norms of
        one structure and of the ``plain`` score.

        At most σ²: with s = −ε/σ it is 2 α r² σ², but where the score nearly vanishes, at high
        noise, rounding would decide where the atoms go.
        """
        system, size = z.get_batch_idx("pos"), z["num_atoms"].shape[0]

        def step_size(
            field: str, r: float, alpha: float | Tensor, drawn: Tensor, index: Tensor, sigma: Tensor
        ) -> Tensor:
            def square(x: Tensor) -> Tensor:
                return sum_by_structure(x.flatten(1).square().sum(1), index, size)

            ratio = square(drawn) / square(plain[field]).clamp(min=1e-20)
            return torch.minimum(2 * alpha * r**2 * ratio, sigma.square())

        noise_frac, noise_cell = noise.atoms(), guidance.symmetric_noise(noise.cells())
        sde = self._corruption.sdes["cell"]
        now, before = self.time(z, s), self.time(z, max(s - 1.0 / self._steps, 0.0))
        alpha = (sde._marginal_mean_coeff(now) / sde._marginal_mean_coeff(before)).square()
        everyone = torch.arange(size, device=self._device)
        frac_step = step_size(
            "pos",
            self._langevin.pos,
            1.0,
            noise_frac,
            system,
            guidance.shared(level.sigma_frac, system, size),
        )[system][:, None]
        cell_step = step_size(
            "cell", self._langevin.cell, alpha, noise_cell, everyone, level.sigma_cell[:, 0, 0]
        )[:, None, None]
        pos = z["pos"] + frac_step * score["pos"] + (2 * frac_step).sqrt() * noise_frac
        cell = z["cell"] + cell_step * score["cell"] + (2 * cell_step).sqrt() * noise_cell
        good = is_lattice(cell)[:, None, None]
        symmetric = compute_lattice_polar_decomposition(
            torch.where(good, cell, torch.eye(3, device=cell.device))
        )
        return z.replace(pos=guidance.wrap(pos), cell=torch.where(good, symmetric, cell))

    def renoise(self, z_s: Any, s: float, t: float, noise: StructureNoise) -> Any:
        """Self-recurrence: z_t ~ q(z_t | z_s), exactly, for coordinates, lattice and types (traps
        2, 3).
        """
        lower, upper = self.noise_level(z_s, s), self.noise_level(z_s, t)
        sde = self._corruption.sdes["cell"]
        limit_mean = sde.get_limit_mean(x=z_s["cell"], batch=z_s)
        limit_std = sde.get_limit_var(x=z_s["cell"], batch=z_s).sqrt()
        fields = {
            "pos": guidance.renoise_frac(
                z_s["pos"], upper.sigma_frac, lower.sigma_frac, noise.atoms()
            ),
            "cell": guidance.renoise_cell(
                z_s["cell"],
                upper.alpha / lower.alpha,
                limit_mean,
                limit_std,
                guidance.symmetric_noise(noise.cells()),
            ),
        }
        if self.has_types:
            state = self._corruption.corruptions["atomic_numbers"].d3pm.state.to(self._device)
            level = int(to_discrete_time(t=torch.tensor(t), N=self._steps, T=1.0))
            mask = noise.uniform() >= state[level + 1] / state[level].clamp(min=1e-20)
            fields["atomic_numbers"] = torch.where(
                mask, torch.full_like(z_s["atomic_numbers"], MAX_Z + 1), z_s["atomic_numbers"]
            )
        return z_s.replace(**fields)
