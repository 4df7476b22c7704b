"""The closed-form toy inside MatterGen's own processes and DiffusionModule: Gaussian data whose
score is known exactly.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from closed_form import PRIOR, ExactScore, Gaussian

import scoutlang.sampling.mattergen
from scoutlang.sampling.generate import guided_by
from scoutlang.sampling.mattergen.batches import conditions
from scoutlang.sampling.mattergen.corrector import Langevin
from scoutlang.sampling.mattergen.sampler import Sampler, predictor_corrector

from hydra.utils import instantiate  # isort: skip
from mattergen.diffusion.diffusion_module import DiffusionModule  # isort: skip
from omegaconf import OmegaConf  # isort: skip

CONFIG = Path(scoutlang.sampling.mattergen.__file__).parents[1] / "mini" / "config.yaml"


@pytest.fixture(scope="session")
def make_toy():
    """(data, given, early) → DiffusionModule with the exact score, see `ExactScore`."""
    config = OmegaConf.load(CONFIG).lightning_module.diffusion_module

    def make(data: Gaussian = PRIOR, **others) -> DiffusionModule:
        corruption = instantiate(config.corruption)
        model = ExactScore(corruption, data, **others)
        return DiffusionModule(
            model=model, corruption=corruption, loss_fn=instantiate(config.loss_fn)
        ).eval()

    return make


@pytest.fixture(scope="session")
def toy(make_toy) -> DiffusionModule:
    return make_toy()


@pytest.fixture(scope="session")
def sample_toy(make_toy):
    """(count, atoms, steps, seed, data, early, loss, guide, **sampler options) → MatterGen batch."""

    def sample(
        count: int,
        *,
        atoms: int = 4,
        steps: int = 60,
        seed: int = 0,
        data: Gaussian = PRIOR,
        early=None,
        corrector: int | Langevin = 1,
        loss=None,
        guide=None,
        **options,
    ):
        sampler = Sampler(
            make_toy(data, early=early),
            conditions([atoms] * count, None),
            [seed * 1_000_003 + i for i in range(count)],
            steps=steps,
            cfg=0.0,
            langevin=corrector if isinstance(corrector, Langevin) else Langevin(corrector),
            **options,
        )
        return sampler.run(predictor_corrector if loss is None else guided_by(guide, loss))

    return sample
