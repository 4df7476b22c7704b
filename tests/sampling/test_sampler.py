"""The sampler on a closed-form toy: zero strength, and that guidance does what the loss asks.
Moments: test_exactness.py.
"""

from __future__ import annotations

import pytest
import torch

import scoutlang
from scoutlang.evaluation.loss import compile_loss
from scoutlang.ir import Guide, Schedule
from scoutlang.sampling.generate import guided_by
from scoutlang.sampling.mattergen.batches import conditions
from scoutlang.sampling.mattergen.sampler import Sampler, predictor_corrector


@pytest.fixture(scope="module")
def dense():
    """3.6³ Å^3 over 4 atoms; the prior's mean is 4³/4 = 16 Å^3 per atom."""
    return compile_loss(scoutlang.check("system Cu-P; require volume_per_atom = 11.7").program)


def volume_per_atom(batch):
    return torch.linalg.det(batch["cell"]).abs() / batch["num_atoms"]


@pytest.mark.parametrize("method", ["paper", "adaptive"])
def test_zero_strength_is_non_guided_sampling(sample_toy, dense, method):
    zero = Schedule(start=0.0, end=0.0)
    plain = sample_toy(4, steps=25)
    idle = sample_toy(
        4, steps=25, loss=dense, guide=Guide(method=method, k=zero, g=zero, since=1.0, until=0.0)
    )
    for field in ("pos", "cell", "atomic_numbers"):
        assert torch.equal(plain[field], idle[field])


@pytest.mark.parametrize(
    "guide",
    [
        Guide(),
        Guide(method="paper", k=Schedule(start=0.3, end=0.3), g=Schedule(start=0.3, end=0.3)),
        Guide(method="paper", k=Schedule(start=0.3, end=0.3), recur=2, backward=2, every=2),
        Guide(method="paper", k=Schedule(start=0.3, end=0.3), normalize="batch"),
    ],
    ids=["adaptive", "paper", "paper recur 2 backward 2 every 2", "paper normalize batch"],
)
def test_guidance_moves_the_volume_towards_the_target(sample_toy, dense, guide):
    plain = (volume_per_atom(sample_toy(48, steps=40)) - 11.7).abs().mean()
    guided = (
        (volume_per_atom(sample_toy(48, steps=40, loss=dense, guide=guide)) - 11.7).abs().mean()
    )
    assert guided < 0.92 * plain


def test_forbidden_elements_never_appear(toy):
    sampler = Sampler(toy, conditions([4] * 8, None), range(8), steps=20, cfg=0.0, allowed=(15,))
    batch = sampler.run()
    assert set(batch["atomic_numbers"].tolist()) == {15}


def test_the_lattice_stays_symmetric(sample_toy, dense):
    cell = sample_toy(8, steps=25, loss=dense, guide=Guide())["cell"]
    torch.testing.assert_close(cell, cell.transpose(1, 2), atol=1e-5, rtol=0)


def test_adaptive_guidance_steers_types_and_forbidden_ones_stay_out(toy):
    """A crystal of the toy is 70 % copper; a requirement that needs phosphorus around copper makes
    it richer in phosphorus.
    """
    loss = compile_loss(scoutlang.check("system Cu-P; require CN(Cu-P, r=3.5) = 12").program)
    plain, guided = (
        Sampler(
            toy, conditions([4] * 24, None), range(24), steps=30, cfg=0.0, allowed=(15, 29)
        ).run(loop)
        for loop in (predictor_corrector, guided_by(Guide(), loss))
    )
    assert (guided["atomic_numbers"] == 15).sum() > 1.3 * (plain["atomic_numbers"] == 15).sum()
    assert set(guided["atomic_numbers"].tolist()) <= {15, 29}
