"""One test for each trap of docs/guidance.md that the sampler can fall into; each fails if we do. Traps 9–12 are in tests/loss and tests/geometry."""

from __future__ import annotations

import pytest
import torch
from conftest import CELL_MEAN, CELL_STD, FRAC_MEAN, FRAC_STD, TYPE_PROBABILITY

import scoutlang
from scoutlang.ir import Guide, Schedule
from scoutlang.loss import compile_loss
from scoutlang.sampling import guidance
from scoutlang.sampling.backends.mattergen.sampler import GuidedSampler, conditions


def idle(recur: int) -> Guide:
    """Guidance of zero strength: only the self-recurrence is left."""
    zero = Schedule(start=0.0, end=0.0)
    return Guide(method="paper", k=zero, g=zero, since=1.0, until=0.0, recur=recur)


@pytest.fixture(scope="module")
def volume_loss():
    return compile_loss(scoutlang.check("system Cu-P; require volume_per_atom = 12").program)


def moments(batch):
    cell, frac = batch["cell"], batch["pos"]
    diagonal = cell.diagonal(dim1=1, dim2=2)
    return {
        "cell mean": diagonal.mean().item(),
        "cell std": diagonal.std().item(),
        "off-diagonal mean": cell[:, 0, 1].mean().item(),
        "frac mean": frac.mean().item(),
        "frac std": frac.std().item(),
        "copper": (batch["atomic_numbers"] == 29).double().mean().item(),
    }


def test_trap_01_clean_lattice_knows_the_limit_mean():
    clean = torch.tensor([[[4.0, 0.1, 0], [0.1, 5.0, 0], [0, 0, 6.0]]])
    mu, alpha, sigma = 3.0 * torch.eye(3)[None], torch.tensor(0.3), torch.tensor(0.8)
    noise = guidance.symmetric_noise(torch.randn(1, 3, 3))
    noisy = alpha * clean + (1 - alpha) * mu + sigma * noise
    torch.testing.assert_close(guidance.clean_cell(noisy, -noise / sigma, alpha, sigma, mu), clean)


@pytest.mark.slow
@pytest.mark.parametrize("recur", [2, 3])
def test_trap_02_recurrence_without_a_loss_keeps_the_prior(sample_toy, volume_loss, recur):
    got = moments(sample_toy(600, corrector=0, loss=volume_loss, guide=idle(recur)))
    assert got["cell mean"] == pytest.approx(CELL_MEAN, rel=0.0034)  # volume ratio within 1.00 ± 0.01
    assert got["off-diagonal mean"] == pytest.approx(0.0, abs=0.03)
    # 60 steps that end with a mean narrow the spread by about a tenth (0.268 for 0.3), with or without recurrence
    assert got["cell std"] == pytest.approx(CELL_STD, rel=0.2)
    assert got["frac mean"] == pytest.approx(FRAC_MEAN, abs=0.005)
    assert got["frac std"] == pytest.approx(FRAC_STD, rel=0.2)
    assert got["copper"] == pytest.approx(TYPE_PROBABILITY, abs=0.03)


def test_trap_02_renoised_lattice_has_the_forward_moments():
    """q(z_t | z_s) ∘ q(z_s) = q(z_t), from s to t in one step."""
    g = torch.Generator().manual_seed(0)
    mu, nu, alpha_s, alpha_t = 3.0, 0.9, 0.8, 0.5
    z_s = alpha_s * 5.0 + (1 - alpha_s) * mu + nu * (1 - alpha_s**2) ** 0.5 * torch.randn(100_000, generator=g)
    z_t = guidance.renoise_cell(z_s, torch.tensor(alpha_t / alpha_s), torch.tensor(mu), torch.tensor(nu), torch.randn(100_000, generator=g))
    assert z_t.mean().item() == pytest.approx(alpha_t * 5.0 + (1 - alpha_t) * mu, abs=0.01)
    assert z_t.std().item() == pytest.approx(nu * (1 - alpha_t**2) ** 0.5, rel=0.01)


def test_trap_03_renoised_coordinates_have_the_forward_spread():
    g = torch.Generator().manual_seed(0)
    sigma_s, sigma_t = torch.tensor(0.02), torch.tensor(0.05)
    start = guidance.wrap(0.98 + sigma_s * torch.randn(100_000, generator=g))
    end = guidance.renoise_frac(start, sigma_t, sigma_s, torch.randn(100_000, generator=g))
    assert ((end >= 0) & (end < 1)).all()
    offset = (end - 0.98 + 0.5) % 1.0 - 0.5
    assert offset.std().item() == pytest.approx(0.05, rel=0.01)


def test_trap_04_the_last_steps_heal(sample_toy, volume_loss):
    """Guidance changes nothing after the end of its window, and never acts in the last step."""
    seen = []
    guide = Guide(until=0.0, since=1.0)
    sample_toy(2, steps=20, loss=volume_loss, guide=guide, on_step=lambda p: seen.append(p.guided is not None))
    assert seen == [True] * 19 + [False]
    seen.clear()
    sample_toy(2, steps=20, loss=volume_loss, guide=Guide(since=0.88), on_step=lambda p: seen.append(p.guided is not None))
    assert seen[-1] is False
    # t = 1.00, 0.95, …, 0.05: the first three are above the window, the last one is the last step
    assert seen == [False] * 3 + [True] * 16 + [False]


@pytest.mark.parametrize("method", ["adaptive", "paper"])
def test_trap_05_a_structure_does_not_see_its_neighbours(toy, volume_loss, method):
    guide = Guide(method=method, k=Schedule(start=0.5, end=0.5), g=Schedule(start=0.2, end=0.2), recur=2, backward=2)
    sampler = GuidedSampler(toy, steps=24, cfg=0.0, loss=volume_loss, guide=guide)
    sizes = [1 + i % 5 for i in range(32)]  # 32 structures of five sizes
    batch = sampler.generate(conditions(sizes, None), list(range(32)))
    for i in (0, 7, 31):
        alone = sampler.generate(conditions([sizes[i]], None), [i])
        atoms = batch.get_batch_idx("pos") == i
        torch.testing.assert_close(batch["cell"][i], alone["cell"][0], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(batch["pos"][atoms], alone["pos"], rtol=1e-5, atol=1e-5)
        assert torch.equal(batch["atomic_numbers"][atoms], alone["atomic_numbers"])


def test_trap_05_batch_normalisation_is_there_for_comparison():
    d = guidance.Descent(torch.zeros(5, 3), torch.zeros(2, 3, 3), torch.tensor([9.0, 16.0]))
    assert guidance.normalised_step(1.0, d, over_batch=False, cap=None).tolist() == pytest.approx([1 / 3, 1 / 4])
    assert guidance.normalised_step(1.0, d, over_batch=True, cap=None).tolist() == pytest.approx([1 / 5, 1 / 5])


def test_trap_06_a_small_lattice_gradient_gives_a_small_lattice_step():
    system, n = torch.zeros(2, dtype=torch.long), torch.tensor([2])
    cell = 4 * torch.eye(3)[None]
    grad_frac = torch.tensor([[4.0, 0, 0], [-4.0, 0, 0]])
    strains = []
    for size in (1e-3, 1e-6):
        d = guidance.descent(grad_frac, size * torch.eye(3)[None], cell, system, n)
        step = guidance.normalised_step(1.0, d, over_batch=False, cap=None)
        strains.append((step[:, None, None] * d.strain).norm().item())
    assert strains[1] == pytest.approx(strains[0] / 1000, rel=1e-3)
    assert strains[0] < 1e-3


def test_trap_08_forward_guidance_reads_the_score_that_denoises(toy, volume_loss, monkeypatch):
    """x̂0 comes from the one score evaluation of the step, the classifier-free guided one."""
    calls = []
    guide = Guide(method="paper", k=Schedule(start=0.1, end=0.1), g=Schedule(start=0.1, end=0.1), since=1.0, until=0.0)
    sampler = GuidedSampler(toy, steps=10, cfg=0.0, loss=volume_loss, guide=guide)
    original = sampler._score_fn
    monkeypatch.setattr(sampler, "_score_fn", lambda x, t: calls.append(t[0].item()) or original(x, t))
    sampler.generate(conditions([2], None), [0])
    # one for the predictor and one for the corrector of each step; the last step has no corrector
    assert len(calls) == 2 * 10 - 1


def test_trap_07_types_are_clean_probabilities(toy, volume_loss):
    """A masked atom counts with the network's probabilities, an unmasked one with its type, and the mask with nothing."""
    sampler = GuidedSampler(toy, steps=10, cfg=0.0, loss=volume_loss, guide=Guide())
    z = conditions([3], None)
    z = z.replace(pos=torch.rand(3, 3), cell=4 * torch.eye(3)[None], atomic_numbers=torch.tensor([101, 15, 29]))
    species = sampler._species(z, sampler._score(z, 0.5))
    assert species[0, 29].item() == pytest.approx(TYPE_PROBABILITY, abs=1e-5)
    assert species[0, 15].item() == pytest.approx(1 - TYPE_PROBABILITY, abs=1e-5)
    assert species[1].argmax() == 15
    assert species[2].argmax() == 29
    torch.testing.assert_close(species.sum(1), torch.ones(3))
