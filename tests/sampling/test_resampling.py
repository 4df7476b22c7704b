"""Feynman-Kac resampling: the bookkeeping by hand, and the closed-form toy under rewards whose
posterior is known.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from closed_form import UPPER, Gaussian, KnownLoss, of_lattice
from hypothesis import given, settings
from hypothesis import strategies as st

from scoutlang.ir import Guide, Schedule
from scoutlang.sampling import adaptive
from scoutlang.sampling.adaptive import ENERGY_FROM
from scoutlang.sampling.generate import guided_by
from scoutlang.sampling.mattergen.batches import conditions, copies
from scoutlang.sampling.mattergen.sampler import Sampler
from scoutlang.sampling.resampling import Population

ZERO = Schedule(start=0.0, end=0.0)

populations = st.lists(st.floats(-50, 50), min_size=1, max_size=40)


@given(populations, st.floats(0, 1, exclude_max=True), st.one_of(st.none(), st.integers(1, 6)))
@settings(deadline=None, max_examples=200)
def test_every_slot_has_a_parent_and_no_line_is_too_long(rewards, uniform, offspring):
    population = Population.start(len(rewards)).weighed(np.array(rewards))
    following, parents = population.resampled(uniform, offspring)
    assert len(parents) == len(rewards)
    assert set(parents.tolist()) <= set(range(len(rewards)))
    assert (following.log_weight == 0).all()
    lives_on = parents == np.arange(len(parents))
    # whoever has a copy lives on itself
    assert set(parents[~lives_on].tolist()) <= set(np.flatnonzero(lives_on).tolist())
    if offspring is not None:
        assert np.bincount(following.ancestor).max() <= offspring


def test_systematic_resampling_by_hand():
    population = Population.start(4).weighed(np.log([0.5, 0.25, 0.25, 1e-300]))
    _, parents = population.resampled(0.5, None)
    assert sorted(parents.tolist()) == [0, 0, 1, 2]
    assert parents[3] == 0  # the copy takes the free slot


def test_copies_are_as_many_as_the_weights_say():
    weights = np.array([0.55, 0.2, 0.15, 0.07, 0.03])
    population = Population.start(5).weighed(np.log(weights))
    counts = np.zeros(5)
    for uniform in (np.arange(400) + 0.5) / 400:
        counts += np.bincount(population.resampled(uniform, None)[1], minlength=5)
    assert counts / 2000 == pytest.approx(weights, abs=1e-3)


def test_what_a_full_line_may_not_have_goes_to_the_next_best():
    population = Population.start(4).weighed(np.log([0.97, 0.02, 0.009, 0.001]))
    following, _ = population.resampled(0.5, 2)
    assert sorted(following.ancestor.tolist()) == [0, 0, 1, 1]
    again, _ = following.weighed(np.array([5.0, 0.0, 4.0, 0.0])).resampled(0.5, 2)
    assert np.bincount(again.ancestor).max() <= 2  # a bound on the line, not on one resampling


def test_weights_telescope_and_a_broken_reward_is_the_poorest():
    population = Population.start(3)
    for reward in ([1.0, 2.0, 3.0], [0.5, 2.5, 3.5]):
        population = population.weighed(np.array(reward))
    assert population.log_weight.tolist() == [0.5, 2.5, 3.5]
    assert population.weighed(np.array([math.nan, 1.0, 0.0])).reward.tolist() == [0.0, 1.0, 0.0]
    assert Population.start(3).weighed(np.full(3, math.nan)).effective_size() == pytest.approx(3)


def test_a_copied_batch_is_the_crystals_of_the_parents():
    z = conditions([1, 3, 2], "Cu-P")
    z = z.replace(pos=torch.rand(6, 3), cell=torch.rand(3, 3, 3), atomic_numbers=torch.arange(1, 7))
    chosen = copies(z, [1, 1, 2], torch.device("cpu"))
    assert chosen["num_atoms"].tolist() == [3, 3, 2]
    assert chosen["atomic_numbers"].tolist() == [2, 3, 4, 2, 3, 4, 5, 6]
    assert torch.equal(chosen["cell"], z["cell"][[1, 1, 2]])
    assert torch.equal(chosen["pos"], z["pos"][[1, 2, 3, 1, 2, 3, 4, 5]])
    assert chosen.get_batch_idx("pos").tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    assert list(chosen["chemical_system"]) == ["Cu-P"] * 3


def resampling(**options) -> Guide:
    """Resampling alone, at every step: nothing pushes."""
    return Guide(
        k=ZERO, types=0.0, since=1.0, reward=1.0, **{"resample": 1000, "stability": 0.0} | options
    )


@pytest.mark.slow
def test_resampling_alone_samples_the_tilted_data(sample_toy, monkeypatch):
    """p(L) exp(−κ Σ L) of normal entries N(m, S²) is N(m − κ S², S²). Resampled every time: what is
    waiting at the end would be lost.
    """
    monkeypatch.setattr(adaptive, "RESAMPLE_BELOW", 1.0)
    tilt, data = 1.5, Gaussian()
    loss = KnownLoss(of_lattice(lambda x: tilt * x))
    batch = sample_toy(
        400, atoms=1, steps=40, corrector=0, loss=loss, guide=resampling(offspring=400)
    )
    plain = sample_toy(400, atoms=1, steps=40, corrector=0)
    shift = (batch["cell"] - plain["cell"])[:, UPPER.bool()].mean().item()
    # 40 steps that end with a mean make the spread of the plain entries S' < S; six seeds of 400
    # structures scatter by 0.012
    spread = plain["cell"][:, UPPER.bool()].std(0).mean().item()
    assert spread == pytest.approx(data.cell_std, rel=0.2)
    assert shift == pytest.approx(-tilt * spread**2, abs=0.04)


def test_a_bound_on_offspring_keeps_lines_and_the_caller_is_told(make_toy):
    loss = KnownLoss(of_lattice(lambda x: 40.0 * x))
    sampler = Sampler(make_toy(), conditions([1, 2, 3] * 8, None), range(24), steps=12, cfg=0.0)
    batch = sampler.run(guided_by(resampling(offspring=3), loss))
    assert len(set(sampler.ancestors)) == 8  # a steep reward fills every line
    assert max(map(sampler.ancestors.count, sampler.ancestors)) == 3
    sizes = batch["num_atoms"].tolist()
    # a copy has the atoms of its ancestor
    assert sizes == [[1, 2, 3][a % 3] for a in sampler.ancestors]
    cells = [batch["cell"][b] for b in range(24)]
    assert not any(torch.equal(a, b) for a, b in pairwise(cells))  # and noise of its own


def test_energies_are_asked_for_late_and_decide(make_toy):
    asked = []

    def above_hull(crystals):
        asked.append(crystals.size)
        heights = torch.linalg.det(crystals.cell) / 64
        return heights.masked_fill(heights > heights.median(), math.nan)

    flat = KnownLoss(of_lattice(lambda x: 0 * x))
    guide = resampling(stability=200.0, offspring=2)
    seen = []
    sampler = Sampler(
        make_toy(),
        conditions([2] * 12, None),
        range(12),
        steps=20,
        cfg=0.0,
        on_step=lambda p: seen.append((p.time, len(asked))),
    )
    sampler.run(guided_by(guide, flat, above_hull))
    assert asked
    assert all(n == 0 for t, n in seen if t > ENERGY_FROM)
    assert len(set(sampler.ancestors)) <= 8
