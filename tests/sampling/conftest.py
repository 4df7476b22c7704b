"""A closed-form diffusion: Gaussian data whose score is known exactly, inside MatterGen's own processes and DiffusionModule."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import scoutlang.sampling.backends.mattergen
from scoutlang.sampling.backends.mattergen.sampler import GuidedSampler, conditions

from hydra.utils import instantiate  # isort: skip
from mattergen.diffusion.corruption.multi_corruption import MultiCorruption  # isort: skip
from mattergen.diffusion.diffusion_module import DiffusionModule  # isort: skip
from omegaconf import OmegaConf  # isort: skip

CONFIG = Path(scoutlang.sampling.backends.mattergen.__file__).parents[2] / "models" / "mini" / "config.yaml"

CELL_MEAN, CELL_STD = 4.0, 0.3  # Å: L0 = 4 I + 0.3 ε, ε symmetric
FRAC_MEAN, FRAC_STD = 0.5, 0.05  # F0 ~ N(0.5, 0.05²), wrapped
TYPE_PROBABILITY = 0.7  # P(Z = 29); Z = 15 otherwise


class ExactScore(torch.nn.Module):
    """Score × std of the Gaussian toy at time t, in the form in which a MatterGen model gives it."""

    cond_fields_model_was_trained_on: tuple[str, ...] = ()

    def __init__(self, corruption: MultiCorruption) -> None:
        super().__init__()
        self.corruption = corruption

    def forward(self, x, t: Tensor):
        cell_sde, pos_sde = self.corruption.sdes["cell"], self.corruption.sdes["pos"]
        alpha, sigma = cell_sde.mean_coeff_and_std(x=x["cell"], t=t, batch_idx=None, batch=x)
        centre = alpha * CELL_MEAN * torch.eye(3) + (1 - alpha) * cell_sde.get_limit_mean(x=x["cell"], batch=x)
        cell = -(x["cell"] - centre) / (alpha**2 * CELL_STD**2 + sigma**2) * sigma
        std = pos_sde.marginal_prob(x["pos"][:, :1], t, batch_idx=x.get_batch_idx("pos"), batch=x)[1].reshape(-1, 1)
        images = torch.arange(-8, 9.0)
        offset = (x["pos"] - FRAC_MEAN)[:, :, None] + images
        variance = (std**2 + FRAC_STD**2)[:, :, None]
        weight = torch.softmax(-(offset**2) / (2 * variance), dim=-1)
        pos = -(weight * offset / variance).sum(-1) * std
        logits = torch.full((len(pos), 101), -1e10)
        logits[:, 28], logits[:, 14] = torch.tensor([TYPE_PROBABILITY, 1 - TYPE_PROBABILITY]).log()
        return x.replace(pos=pos, cell=cell, atomic_numbers=logits)


@pytest.fixture(scope="session")
def toy() -> DiffusionModule:
    config = OmegaConf.load(CONFIG).lightning_module.diffusion_module
    corruption = instantiate(config.corruption)
    return DiffusionModule(model=ExactScore(corruption), corruption=corruption, loss_fn=instantiate(config.loss_fn)).eval()


@pytest.fixture(scope="session")
def sample_toy(toy):
    """(count, atoms, steps, seed, **sampler options) → MatterGen batch."""

    def sample(count: int, *, atoms: int = 4, steps: int = 60, seed: int = 0, **options):
        sampler = GuidedSampler(toy, steps=steps, cfg=0.0, **options)
        return sampler.generate(conditions([atoms] * count, None), [seed * 1_000_003 + i for i in range(count)])

    return sample
