"""The pure functions of the guidance against finite differences and closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.ir import Guide, Schedule
from scoutlang.sampling import guidance
from scoutlang.sampling.adaptive import MAX_SIGMA, MAX_TILT, adaptive_step, tilt
from scoutlang.sampling.noise import StructureNoise, structure_seed, symmetric_noise
from scoutlang.sampling.paper import normalised_step
from scoutlang.sampling.schedules import strength

SYSTEM = torch.tensor([0, 0, 1, 1, 1])
NUM_ATOMS = torch.tensor([2, 3])


@pytest.fixture
def crystals():
    g = torch.Generator().manual_seed(1)
    cell = 4 * torch.eye(3, dtype=torch.float64) + 0.4 * torch.randn(
        2, 3, 3, generator=g, dtype=torch.float64
    )
    return torch.rand(5, 3, generator=g, dtype=torch.float64), guidance.symmetric_form(cell)


def batch(frac, cell):
    return CrystalBatch(frac, cell, torch.zeros(5, 101), SYSTEM, NUM_ATOMS)


def pair_energy(frac, cell):
    """A smooth function of both structures, one value each: not periodic, which the metric does not
    need.
    """
    cart = (frac.unsqueeze(1) @ cell[SYSTEM]).squeeze(1)
    return torch.stack(
        [
            torch.pdist(cart[b == SYSTEM]).square().sum() + torch.linalg.det(cell[b])
            for b in range(2)
        ]
    )


def gradients(frac, cell):
    frac, cell = frac.clone().requires_grad_(), cell.clone().requires_grad_()
    return torch.autograd.grad(pair_energy(frac, cell).sum(), (frac, cell))


def test_descent_rate_is_minus_the_square_norm(crystals):
    frac, cell = crystals
    d = guidance.descent(batch(frac, cell), *gradients(frac, cell))
    h = 1e-6
    moved = frac + h * (d.move.unsqueeze(1) @ torch.linalg.inv(cell)[SYSTEM]).squeeze(1)
    strained = cell + h * cell @ d.strain
    rate = (pair_energy(moved, strained) - pair_energy(frac, cell)) / h
    torch.testing.assert_close(rate, -d.square_norm, rtol=1e-4, atol=1e-6)


def test_descent_is_the_same_crystal_in_a_rotated_frame(crystals):
    frac, cell = crystals
    q, _ = torch.linalg.qr(
        torch.randn(3, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    )
    a = guidance.descent(batch(frac, cell), *gradients(frac, cell))
    turned = cell @ q * torch.linalg.det(q)
    b = guidance.descent(batch(frac, turned), *gradients(frac, turned))
    torch.testing.assert_close(a.square_norm, b.square_norm)


def test_a_structure_with_a_broken_gradient_stands_still_and_spoils_nobody(crystals):
    frac, cell = crystals
    grad_frac, grad_cell = gradients(frac, cell)
    clean = guidance.descent(batch(frac, cell), grad_frac, grad_cell)
    grad_frac[0, 0] = math.nan
    d = guidance.descent(batch(frac, cell), grad_frac, grad_cell)
    assert d.square_norm[0] == 0
    assert d.move[:2].abs().max() == 0
    torch.testing.assert_close(d.move[2:], clean.move[2:])


def test_displacement_keeps_the_lattice_symmetric_and_strains_the_volume(crystals):
    frac, cell = crystals
    strain = 0.01 * torch.eye(3, dtype=torch.float64).repeat(2, 1, 1)
    d = guidance.Descent(
        torch.zeros_like(frac), strain, torch.ones(2, dtype=torch.float64), torch.linalg.inv(cell)
    )
    _, delta = guidance.displacement(d, torch.ones(2, dtype=torch.float64), batch(frac, cell))
    torch.testing.assert_close(delta, delta.transpose(1, 2))
    torch.testing.assert_close(torch.linalg.det(cell + delta), torch.linalg.det(cell) * 1.01**3)


LIMITS = {"move": 0.1, "strain": 0.02}
GAIN = 4.0


def test_adaptive_step_vanishes_with_the_loss_and_respects_the_trust_region(crystals):
    frac, cell = crystals
    d = guidance.descent(batch(frac, cell), *gradients(frac, cell))
    sigma = torch.full((2,), 0.01, dtype=torch.float64)
    assert adaptive_step(
        1.0, torch.zeros(2, dtype=torch.float64), d, SYSTEM, sigma, **LIMITS
    ).tolist() == [0, 0]
    step = adaptive_step(
        1.0, torch.full((2,), 1e9, dtype=torch.float64), d, SYSTEM, sigma, **LIMITS
    )
    assert (step[SYSTEM][:, None] * d.move).norm(dim=1).max() <= LIMITS["move"] * (1 + 1e-9)
    assert (step[:, None, None] * d.strain).flatten(1).norm(dim=1).max() <= LIMITS["strain"] * (
        1 + 1e-9
    )
    small = adaptive_step(
        1.0, torch.full((2,), 1e-9, dtype=torch.float64), d, SYSTEM, sigma, **LIMITS
    )
    torch.testing.assert_close(small, 1e-9 / d.square_norm)
    blurred = torch.full((2,), 2 * MAX_SIGMA, dtype=torch.float64)
    assert adaptive_step(
        1.0, torch.ones(2, dtype=torch.float64), d, SYSTEM, blurred, **LIMITS
    ).tolist() == [0, 0]


def test_cap_bounds_the_normalised_step():
    square_norm = torch.tensor([1e-8, 4.0])
    assert normalised_step(1.0, square_norm, over_batch=False, cap=None).tolist() == pytest.approx(
        [1e4, 0.5]
    )
    assert normalised_step(1.0, square_norm, over_batch=False, cap=2.0).tolist() == pytest.approx(
        [2.0, 0.5]
    )


def test_symmetric_noise_has_unit_variance_everywhere():
    noise = symmetric_noise(torch.randn(40_000, 3, 3, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(noise, noise.transpose(1, 2))
    torch.testing.assert_close(noise.var(0), torch.ones(3, 3), rtol=0.03, atol=0)


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (Schedule(start=0.8, end=0.8), (0.8, 0.8, 0.8)),
        (Schedule(shape="linear", start=0.0, end=1.0), (0.0, 0.5, 1.0)),
        (Schedule(shape="cosine", start=1.0, end=0.0), (1.0, 0.5, 0.0)),
        (Schedule(shape="cosine", start=0.0, end=2.0), (0.0, 1.0, 2.0)),
    ],
)
def test_schedules_run_from_noise_to_clean(schedule, values):
    assert [strength(schedule, t) for t in (1.0, 0.5, 0.0)] == pytest.approx(values)


def test_window_and_period():
    guide = Guide(since=0.9, until=0.1, every=3)
    assert [guide.acts(t, 3, 20) for t in (0.95, 0.9, 0.5, 0.1, 0.05)] == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert [step for step in range(8) if guide.acts(0.5, step, 8)] == [0, 3, 6]
    # as the paper: t ≡ 0 [M], t = N at the first step
    paper = replace(guide, counted="crystal")
    assert [step for step in range(8) if paper.acts(0.5, step, 8)] == [2, 5]


@pytest.mark.parametrize("steps", [16, 20, 40, 64, 150, 250, 1000])
def test_the_ends_of_a_window_are_inside(steps):
    """Every pair of times on the grid, as a program writes them, with the sampler's own times."""
    times = torch.linspace(1.0, 1.0 / steps, steps, dtype=torch.float64).tolist()
    for end in (round(x / 20, 2) for x in range(1, 21)):
        number = end * steps
        if abs(number - round(number)) < 1e-9:
            step = steps - round(number)
            assert Guide(since=end, until=0.0).acts(times[step], step, steps)
            assert Guide(since=1.0, until=end).acts(times[step], step, steps)


@pytest.mark.parametrize(
    ("guide", "steps", "acts"),
    [
        (Guide(), 16, True),
        (Guide(since=0.02, until=0.01), 16, False),
        (Guide(every=500, counted="crystal"), 20, False),
        (Guide(every=7, counted="crystal"), 20, True),
        (Guide(since=0.06, until=0.05), 16, False),  # the last step is never guided
    ],
)
def test_whether_guidance_acts_at_all(guide, steps, acts):
    assert guide.ever_acts(steps) is acts


def test_noise_belongs_to_the_structure():
    together = StructureNoise([7, 8, 9], [2, 3, 1])
    alone = StructureNoise([8], [3])
    for _ in range(40):
        torch.testing.assert_close(together.atoms()[2:5], alone.atoms(), rtol=0, atol=0)
        torch.testing.assert_close(together.cells()[1:2], alone.cells(), rtol=0, atol=0)
        torch.testing.assert_close(together.uniform()[2:5], alone.uniform(), rtol=0, atol=0)


def test_seeds_differ_by_every_part_of_the_key():
    keys = [(s, arm, i) for s in (0, 1) for arm in ("guided", "non-guided") for i in range(3)]
    assert len({structure_seed(*key) for key in keys}) == len(keys)
    assert structure_seed(1, 23) != structure_seed(12, 3)


def test_tilt_favours_the_type_that_lowers_the_loss_within_limits():
    grad = torch.zeros(2, 100)
    grad[0, 14], grad[0, 28], grad[1, 14] = -0.5, 0.25, -50.0
    tilted = tilt(1.0, GAIN * grad)
    assert tilted[0, 14].item() == pytest.approx(0.5 * GAIN)
    assert tilted[0, 28].item() == pytest.approx(-0.25 * GAIN)
    assert tilted[1, 14].item() == MAX_TILT
    assert tilted[0, 0].item() == 0
    assert tilt(1.0, torch.full((1, 3), math.nan)).tolist() == [[0.0, 0.0, 0.0]]
