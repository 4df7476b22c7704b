"""The sampler against closed forms: prior, Bayes posterior, the recursion of the moments.
docs/guidance.md says what is exact and what is not.

Two kinds of test. Guided sampling from the prior and plain sampling from the posterior, with the
same random numbers, must be the same trajectories: that needs few structures and has no statistical
error. Moments of many structures are compared within 5 standard errors with the recursion that the
moments obey (`closed_form.chain`), and the recursion with the prior or the posterior.
"""

from __future__ import annotations

import math

import pytest
import torch
from closed_form import (
    COPPER,
    PHOSPHORUS,
    PRIOR,
    Gaussian,
    KnownLoss,
    Process,
    chain,
    coordinate,
    lattice,
    of_coordinates,
    of_lattice,
)

from scoutlang.ir import Guide, Schedule
from scoutlang.sampling import guidance
from scoutlang.sampling.generate import guided_by
from scoutlang.sampling.mattergen.batches import conditions
from scoutlang.sampling.mattergen.corrector import Langevin
from scoutlang.sampling.mattergen.sampler import Sampler

ZERO = Schedule(start=0.0, end=0.0)
# with cap = 1 the push min(strength/‖∇ℓ‖, cap) is 1: the plain gradient
BEYOND = Schedule(start=1e12, end=1e12)
# diffusion time at which 4 atoms have σ_F = 0.10: below it a narrow distribution on the circle is
# one on the line
LINE = 0.45


def forward(**fields) -> Guide:
    return Guide(
        **{
            "method": "paper",
            "k": ZERO,
            "g": BEYOND,
            "cap": 1.0,
            "since": 1.0,
            "until": 0.0,
            **fields,
        }
    )


def backward(**fields) -> Guide:
    return Guide(
        **{
            "method": "paper",
            "k": BEYOND,
            "g": ZERO,
            "cap": 1.0,
            "since": 1.0,
            "until": 0.0,
            **fields,
        }
    )


def idle(recur: int) -> Guide:
    return Guide(method="paper", k=ZERO, g=ZERO, since=1.0, until=0.0, recur=recur)


def entries(cell):
    """(3 B,) diagonal and (3 B,) off-diagonal entries."""
    above = torch.triu_indices(3, 3, offset=1)
    return cell.diagonal(dim1=1, dim2=2).flatten(), cell[:, above[0], above[1]].flatten()


def assert_moments(values, mean: float, std: float, n: int):
    """Mean and standard deviation of n independent normal numbers, within 5 standard errors."""
    assert values.mean().item() == pytest.approx(mean, abs=5 * std / math.sqrt(n))
    assert values.std().item() == pytest.approx(std, rel=5 / math.sqrt(2 * n))


# -- the prior
# ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("recur", [1, 2, 3])
def test_trap_02_recurrence_without_a_loss_keeps_the_prior(sample_toy, recur):
    """1600 structures of one atom, 30 steps: the standard error of the mean volume is 0.26 %, of a
    type frequency 0.011.
    """
    count, steps = 1600, 30
    batch = sample_toy(
        count,
        atoms=1,
        steps=steps,
        corrector=0,
        loss=KnownLoss(of_lattice(torch.abs)),
        guide=idle(recur),
    )
    diagonal, off = entries(batch["cell"])
    # the ancestral step takes x̂0 for the whole of p(x_0 | z): what a few steps make is narrower
    # than the data, by a known factor
    mean, std = chain(lattice(1, PRIOR.cell_mean, PRIOR.cell_std), steps, recur=recur)
    assert mean == pytest.approx(PRIOR.cell_mean, abs=1e-3)
    assert_moments(diagonal, mean, std, 3 * count)
    assert_moments(off, 0.0, std, 3 * count)
    # E det L of a symmetric lattice with independent entries is m³ − 3 m S²
    volume = torch.linalg.det(batch["cell"]).mean().item()
    assert volume / (mean**3 - 3 * mean * std**2) == pytest.approx(1, abs=0.01)

    # on the circle: direction and length of E exp(2πi F), which is exp(−2π² S²) for a wrapped
    # normal
    moment = torch.exp(2j * math.pi * batch["pos"].double()).mean()
    _, spread = chain(coordinate(1, PRIOR.frac_mean, PRIOR.frac_std), steps, recur=recur)
    error = spread / math.sqrt(3 * count)
    assert (moment.angle().item() / (2 * math.pi)) % 1 == pytest.approx(
        PRIOR.frac_mean, abs=5 * error
    )
    assert math.sqrt(-math.log(moment.abs().item()) / (2 * math.pi**2)) == pytest.approx(
        spread, rel=5 / math.sqrt(6 * count)
    )

    # the last step takes the likeliest type for the 1/N of the atoms that are still masked
    copper = PRIOR.copper + (1 - PRIOR.copper) / steps
    frequency = (batch["atomic_numbers"] == COPPER).double().mean().item()
    assert frequency == pytest.approx(copper, abs=5 * math.sqrt(copper * (1 - copper) / count))
    assert set(batch["atomic_numbers"].tolist()) == {COPPER, PHOSPHORUS}


@pytest.mark.parametrize(
    ("langevin", "spread", "spread_cell"),
    [
        (Langevin(1, 0.5, 0.1), 0.0497, 0.2702),
        (Langevin(1, 1.0, 0.2), 0.0503, 0.2749),
        (Langevin(1, 1.0, 0.2, known=0.4), 0.0454, 0.2715),
        (Langevin(1, 0.2, 1.0, known=1.0), 0.0471, 0.2212),
    ],
    ids=str,
)
def test_the_corrector_keeps_the_mean_and_its_spread_is_as_the_recursion_says(
    sample_toy, langevin, spread, spread_cell
):
    """Without a corrector the spreads are 0.0471 and 0.2648, those of the data 0.05 and 0.3 Å."""
    count, atoms, steps = 300, 4, 60
    batch = sample_toy(count, atoms=atoms, steps=steps, corrector=langevin)
    diagonal, off = entries(batch["cell"])
    of_cell = {"share": langevin.cell, "known": langevin.known}
    mean, std = chain(lattice(atoms, PRIOR.cell_mean, PRIOR.cell_std), steps, **of_cell)
    assert_moments(diagonal, mean, std, 3 * count)
    assert std == pytest.approx(spread_cell, abs=1e-4)
    sheared = lattice(atoms, 0.0, PRIOR.cell_std, diagonal=False)
    assert_moments(off, *chain(sheared, steps, **of_cell), 3 * count)
    of_pos = {"share": langevin.pos, "known": langevin.known}
    mean, std = chain(coordinate(atoms, PRIOR.frac_mean, PRIOR.frac_std), steps, **of_pos)
    assert_moments(batch["pos"].flatten(), mean, std, 3 * atoms * count)
    assert std == pytest.approx(spread, abs=1e-4)


@pytest.mark.parametrize(
    "process",
    [lattice(4, PRIOR.cell_mean, PRIOR.cell_std), coordinate(4, PRIOR.frac_mean, PRIOR.frac_std)],
    ids=["lattice", "coordinate"],
)
@pytest.mark.parametrize("recur", [1, 3])
def test_many_steps_give_the_data(process, recur):
    """The moments of the chain tend to those of the data; 60 steps give 85 to 95 % of the spread.

    The last step returns a mean, so what is left of the spread is S/√(1 + σ(0)²/S²): the
    coordinates' σ(0) is 0.0063, the lattice's is 0.
    """
    limit = process.std / math.sqrt(1 + process.sigma(0.0) ** 2 / process.std**2)
    spreads = []
    for steps in (60, 500, 5000):
        mean, std = chain(process, steps, recur=recur)
        assert mean == pytest.approx(process.mean, abs=5e-3 * process.std)
        spreads.append(std / limit)
    assert 0.84 < spreads[0] < spreads[1] < spreads[2] < 1
    assert spreads[2] > 0.995


# -- the posterior
# ------------------------------------------------------------------------------------------------------------------

# of ½ κ (x − x*)²: as sharp as the prior, so the posterior is half way with half the variance
KAPPA = 1 / PRIOR.cell_std**2
TARGET = 3.6  # Å


def bayes(mean: float, std: float, kappa: float, target: float) -> tuple[float, float]:
    """Mean and standard deviation of N(mean, std²) exp(−½ κ (x − target)²)."""
    precision = 1 / std**2 + kappa
    return (mean / std**2 + kappa * target) / precision, precision**-0.5


def gain(process: Process, kappa: float):
    """t → κ r²/(1 + κ r²): how far a likelihood moves x̂0, whose uncertainty is r², towards its
    centre.
    """
    return lambda t: kappa * process.uncertainty(t) / (1 + kappa * process.uncertainty(t))


def quadratic(x, target):
    return 0.5 * (x - target).square()


def clocked(loss: KnownLoss, steps: int):
    """An `on_step` that tells the loss the time of the next step."""

    def tick(progress):
        loss.clock[0] = progress.time - 1 / steps

    return tick


def test_forward_guidance_by_a_linear_loss_is_the_tilted_prior(sample_toy):
    """exp(−λ x) moves N(m, S²) to N(m − λ S², S²), at every noise level: the push through the
    network is exact, with strength 1.
    """
    tilt, steps = 3.0, 40
    shift = tilt * PRIOR.cell_std**2
    posterior = Gaussian(cell_mean=PRIOR.cell_mean - shift, cell_shear=-shift)
    guided = sample_toy(
        16,
        steps=steps,
        corrector=0,
        loss=KnownLoss(of_lattice(lambda x: tilt * x)),
        guide=forward(),
    )["cell"]
    expected = sample_toy(16, steps=steps, corrector=0, data=posterior)["cell"]
    # the last step is never guided: x̂0 of the prior instead of the posterior's, λ r² apart
    unguided_end = tilt * lattice(4, PRIOR.cell_mean, PRIOR.cell_std).uncertainty(1 / steps)
    assert unguided_end < 0.25 * shift
    for got, wanted in zip(entries(guided), entries(expected), strict=True):
        torch.testing.assert_close(got - unguided_end, wanted, atol=2e-4, rtol=0)


@pytest.mark.parametrize("recur", [1, 2])
def test_forward_guidance_by_a_quadratic_loss_is_the_posterior(sample_toy, recur):
    """Exact with strength 1/(1 + κ r²): the likelihood of x̂0 is blurred by the uncertainty r² of
    x̂0.
    """
    steps, process = 25, lattice(4, PRIOR.cell_mean, PRIOR.cell_std)
    loss = KnownLoss(
        of_lattice(lambda x: KAPPA * quadratic(x, TARGET)),
        lambda t: 1 / (1 + KAPPA * process.uncertainty(t)),
    )
    mean, std = bayes(PRIOR.cell_mean, PRIOR.cell_std, KAPPA, TARGET)
    shear, _ = bayes(0.0, PRIOR.cell_std, KAPPA, TARGET)
    guided = sample_toy(
        16,
        steps=steps,
        corrector=0,
        loss=loss,
        guide=forward(recur=recur),
        on_step=clocked(loss, steps),
    )["cell"]
    posterior = Gaussian(cell_mean=mean, cell_shear=shear, cell_std=std)
    rounds = {"loss": KnownLoss(of_lattice(torch.abs)), "guide": idle(recur)}
    expected = sample_toy(16, steps=steps, corrector=0, data=posterior, **rounds)["cell"]
    last = gain(process, KAPPA)(1 / steps)
    assert last < 0.25
    for got, wanted in zip(entries(guided), entries(expected), strict=True):
        torch.testing.assert_close(got + last * (TARGET - got), wanted, atol=3e-4, rtol=0)


# the cell is 4 I, so a displacement of x̂0 is −∂ℓ/∂F̂0 / (4 Å)²
NARROW = Gaussian(cell_std=1e-4, frac_std=0.02)
PER_SQUARE_ANGSTROM = NARROW.cell_mean**2


def test_backward_guidance_by_a_linear_loss_is_the_tilted_prior(sample_toy):
    """Exact where the step on x̂0 is λ r²: constant steps push too hard near the end, where x̂0 is
    certain.
    """
    tilt, steps, process = 50.0, 80, coordinate(4, NARROW.frac_mean, NARROW.frac_std)
    shift = tilt * NARROW.frac_std**2
    loss = KnownLoss(of_coordinates(lambda x: PER_SQUARE_ANGSTROM * tilt * x), process.uncertainty)
    guided = sample_toy(
        16,
        steps=steps,
        corrector=0,
        data=NARROW,
        loss=loss,
        guide=backward(since=LINE),
        on_step=clocked(loss, steps),
    )
    posterior = Gaussian(
        cell_std=NARROW.cell_std, frac_std=NARROW.frac_std, frac_mean=NARROW.frac_mean - shift
    )
    expected = sample_toy(16, steps=steps, corrector=0, data=posterior, early=(NARROW, LINE))
    assert shift == pytest.approx(0.02)
    torch.testing.assert_close(
        guided["pos"] - tilt * process.uncertainty(1 / steps), expected["pos"], atol=1e-5, rtol=0
    )
    torch.testing.assert_close(guided["cell"], expected["cell"], atol=1e-5, rtol=0)


def test_backward_guidance_by_a_quadratic_loss_is_the_posterior(sample_toy):
    """Exact where x̂0 goes κ r²/(1 + κ r²) of the way to the target: the gain of a Kalman filter.
    Strength 1 is certainty, κ = ∞.
    """
    steps, process = 80, coordinate(4, NARROW.frac_mean, NARROW.frac_std)
    kappa, target = 1 / NARROW.frac_std**2, 0.55
    share = gain(process, kappa)
    loss = KnownLoss(of_coordinates(lambda x: PER_SQUARE_ANGSTROM * quadratic(x, target)), share)
    guided = sample_toy(
        16,
        steps=steps,
        corrector=0,
        data=NARROW,
        loss=loss,
        guide=backward(since=LINE),
        on_step=clocked(loss, steps),
    )
    mean, std = bayes(NARROW.frac_mean, NARROW.frac_std, kappa, target)
    posterior = Gaussian(cell_std=NARROW.cell_std, frac_mean=mean, frac_std=std)
    expected = sample_toy(16, steps=steps, corrector=0, data=posterior, early=(NARROW, LINE))["pos"]
    last = guided["pos"] + share(1 / steps) * (target - guided["pos"])
    torch.testing.assert_close(last, expected, atol=1e-5, rtol=0)


# -- constant strengths, where the posterior is missed by a known amount
# --------------------------------------------------------------


def plain_gradient(process: Process, kappa: float, target: float):
    """Diffusion posterior sampling: s − κ (x̂0 − x*) ∂x̂0/∂z, with no regard to the uncertainty of
    x̂0.
    """
    return lambda t, clean: (-kappa * clean[0] * clean[0], -kappa * clean[0] * (clean[1] - target))


@pytest.mark.slow
@pytest.mark.parametrize("recur", [1, 3])
def test_forward_guidance_of_constant_strength_has_the_moments_of_its_recursion(sample_toy, recur):
    """250 structures, 30 steps: 750 diagonal and 750 off-diagonal entries, whose mean has a
    standard error of 0.006 Å.
    """
    count, steps = 250, 30
    loss = KnownLoss(of_lattice(lambda x: KAPPA * quadratic(x, TARGET)))
    batch = sample_toy(count, steps=steps, corrector=0, loss=loss, guide=forward(recur=recur))
    for values, centre, diagonal in zip(
        entries(batch["cell"]), (PRIOR.cell_mean, 0.0), (True, False), strict=True
    ):
        process = lattice(4, centre, PRIOR.cell_std, diagonal=diagonal)
        assert_moments(
            values,
            *chain(process, steps, push=plain_gradient(process, KAPPA, TARGET), recur=recur),
            3 * count,
        )


def test_the_gradient_of_x0_alone_overshoots_the_posterior():
    """Strength 1, however many steps: 63 % of the way instead of 50 %, and 7 % too narrow; with the
    factor 1/(1 + κ r²) it is the posterior.
    """
    process, steps = lattice(4, PRIOR.cell_mean, PRIOR.cell_std), 5000
    mean, std = bayes(PRIOR.cell_mean, PRIOR.cell_std, KAPPA, TARGET)
    plain = plain_gradient(process, KAPPA, TARGET)

    def blurred(t, clean):
        slope, intercept = plain(t, clean)
        return slope / (1 + KAPPA * process.uncertainty(t)), intercept / (
            1 + KAPPA * process.uncertainty(t)
        )

    assert chain(process, steps, push=blurred) == (
        pytest.approx(mean, abs=1e-3),
        pytest.approx(std, rel=0.005),
    )
    overshot = chain(process, steps, push=plain)
    assert (overshot[0] - PRIOR.cell_mean) / (TARGET - PRIOR.cell_mean) == pytest.approx(
        0.63, abs=0.01
    )
    assert overshot[1] / std == pytest.approx(0.93, abs=0.01)


@pytest.mark.slow
def test_backward_guidance_by_the_logarithm_of_the_volume_scales_the_lattice(sample_toy):
    """ℓ = ln V has ‖∇ℓ‖ = √3/(c √n) whatever the lattice, so `paper` with strength k scales every
    x̂0 by 1 − k/(c √(3 n)).
    """
    count, steps, atoms, k = 400, 40, 4, 0.1
    shrink = k / (guidance.STRAIN_LENGTH * math.sqrt(3 * atoms))
    loss = KnownLoss(lambda batch: torch.linalg.det(batch.cell).abs().log())
    strength = Schedule(start=k, end=k)
    batch = sample_toy(
        count,
        atoms=atoms,
        steps=steps,
        corrector=0,
        loss=loss,
        guide=backward(k=strength, cap=None, since=0.5),
    )
    for values, centre, diagonal in zip(
        entries(batch["cell"]), (PRIOR.cell_mean, 0.0), (True, False), strict=True
    ):
        process = lattice(atoms, centre, PRIOR.cell_std, diagonal=diagonal)

        def push(t, clean, process=process):
            weight = -shrink * process.alpha(t) / process.sigma(t) ** 2
            return weight * clean[0], weight * clean[1]

        assert_moments(values, *chain(process, steps, push=push, window=(0.0, 0.5)), 3 * count)


# -- classifier-free guidance
# ---------------------------------------------------------------------------------------------------------


def test_forward_guidance_reads_the_classifier_free_guided_score(make_toy, sample_toy):
    """Scores of N(m, S²) and of N(m', S²) with factor 2 are the score of N(2 m' − m, S²): so must
    be the x̂0 in the loss (trap 8).
    """
    steps, given = 20, Gaussian(cell_mean=4.2, cell_shear=0.1)
    guide = forward(k=Schedule(start=0.2, end=0.2), cap=None, g=Schedule(start=0.5, end=0.5))
    loss = KnownLoss(of_lattice(lambda x: KAPPA * quadratic(x, TARGET)))
    sampler = Sampler(
        make_toy(PRIOR, given=given), conditions([4] * 8, "Cu-P"), range(8), steps=steps, cfg=2.0
    )
    got = sampler.run(guided_by(guide, loss))["cell"]
    twice, once, never = (
        sample_toy(
            8,
            data=Gaussian(cell_mean=mean, cell_shear=shear),
            loss=loss,
            guide=guide,
            steps=steps,
        )["cell"]
        for mean, shear in ((4.4, 0.2), (4.2, 0.1), (4.0, 0.0))
    )
    torch.testing.assert_close(got, twice, atol=1e-3, rtol=0)
    assert (twice - once).abs().max() > 0.05
    assert (twice - never).abs().max() > 0.05


# -- healing
# --------------------------------------------------------------------------------------------------------------------------


THIN = Gaussian(cell_std=1e-4, frac_std=0.003)
KICK = 4 * THIN.frac_std


@pytest.mark.parametrize(
    ("until", "left"), [(0.0, 0.723), (0.03, 0.645), (0.1, 0.250), (0.3, 0.021)]
)
def test_trap_04_what_is_left_of_a_kick(sample_toy, until, left):
    """Every guided x̂0 of data with spread S is kicked by 4 S. What is left, in S, after the steps
    behind the window: 4 S²/(S² + σ²(until)).

    1200 coordinates, 100 steps. σ_F(0) is 2.1 S here, so the last step, which is never guided,
    heals most of the kick by itself, and a window that ends at 0.03, where σ_F is 1.2 times as
    large, leaves little less. A kick in the last step would stay whole: 4 S.
    """
    steps, process = 100, coordinate(4, THIN.frac_mean, THIN.frac_std)
    loss = KnownLoss(of_coordinates(lambda x: -PER_SQUARE_ANGSTROM * KICK * x))
    kicked = sample_toy(
        100, steps=steps, corrector=0, data=THIN, loss=loss, guide=backward(since=LINE, until=until)
    )["pos"]
    mean, std = chain(
        process, steps, push=lambda t, _: (0.0, KICK / process.sigma(t) ** 2), window=(until, LINE)
    )
    assert_moments(kicked, mean, std, 1200)
    assert (mean - THIN.frac_mean) / THIN.frac_std == pytest.approx(left, abs=0.001)
    end = max(until, 1 / steps)
    assert left == pytest.approx(
        4 * THIN.frac_std**2 / (THIN.frac_std**2 + process.sigma(end) ** 2), rel=0.2
    )
    # all trajectories are kicked alike: the spread is that of the plain sampler
    assert std == pytest.approx(chain(process, steps)[1], rel=1e-6)


# -- atom types
# -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recur", [1, 2, 3])
def test_masking_again_keeps_the_marginal_of_the_mask_process(sample_toy, recur):
    """At time t an atom is unmasked with probability 1 − t, however often it was masked again, and
    is then copper with its own probability.

    1200 atoms; each frequency is within 5 standard errors, exact at t = 1.
    """
    steps, seen = 12, {}

    def look(progress):
        if progress.guided is not None:
            seen[progress.time] = progress.guided.clean.species

    sample_toy(
        300,
        steps=steps,
        corrector=0,
        loss=KnownLoss(of_lattice(torch.abs)),
        guide=idle(recur),
        on_step=look,
    )
    assert len(seen) == steps - 1
    for t, species in seen.items():
        # an unmasked atom is its type, a masked one has the probabilities of the network
        known = species.max(dim=1).values == 1
        n, copper = len(known), (species[known].argmax(dim=1) == COPPER)
        assert known.double().mean().item() == pytest.approx(
            1 - t, abs=5 * math.sqrt(t * (1 - t) / n) + 1e-9
        )
        if known.any():
            error = math.sqrt(PRIOR.copper * (1 - PRIOR.copper) / len(copper))
            assert copper.double().mean().item() == pytest.approx(PRIOR.copper, abs=5 * error)
