"""One structure of a batch that goes wrong ends as lost and changes no other: its gradient is NaN,
its score explodes, its cell grows without end.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import scoutlang
from scoutlang.evaluation.loss import compile_loss
from scoutlang.ir import Guide, Schedule
from scoutlang.sampling.generate import guided_by
from scoutlang.sampling.mattergen.batches import conditions
from scoutlang.sampling.mattergen.sampler import Sampler, predictor_corrector

VICTIM, COUNT, STEPS = 1, 3, 12
DENSE = compile_loss(scoutlang.check("system Cu-P; require volume_per_atom = 11.7").program)
GUIDES = {
    "non-guided": None,
    "adaptive": Guide(),
    "paper": Guide(method="paper", k=Schedule.constant(0.3), g=Schedule.constant(0.1), recur=2),
}


def poisoned(by):
    """The loss with a factor for one structure: its value and its gradient are no numbers, or the
    largest that there are.
    """

    def loss(batch, sharpness=8.0):
        value = DENSE(batch, sharpness)
        factor = torch.ones(batch.size).index_fill(0, torch.tensor([VICTIM]), by)
        return replace(value, total=value.total * factor, gap=value.gap * factor)

    return loss


class Explodes(torch.nn.Module):
    """A score model whose score of one structure, in one field, is multiplied by a number below t =
    0.5.
    """

    cond_fields_model_was_trained_on: tuple[str, ...] = ()

    def __init__(self, model, by, field):
        super().__init__()
        self.model, self.by, self.field = model, by, field

    def forward(self, x, t):
        score = self.model(x, t)
        wrong = torch.zeros(len(x["num_atoms"]), dtype=torch.bool).index_fill(
            0, torch.tensor([VICTIM]), value=True
        ) & (t < 0.5)
        if self.field == "pos":
            wrong = wrong[x.get_batch_idx("pos")]
        values = score[self.field]
        wrong = wrong.reshape(-1, *[1] * (values.ndim - 1))
        return score.replace(**{self.field: values * torch.where(wrong, self.by, 1.0)})


@pytest.fixture
def sample(toy):
    """(guide, loss) → the batch and what was told after each step."""

    def run(guide, loss=DENSE, module=toy):
        told = []
        sampler = Sampler(
            module,
            conditions([4] * COUNT, None),
            range(COUNT),
            steps=STEPS,
            cfg=0.0,
            on_step=told.append,
        )
        return sampler.run(predictor_corrector if guide is None else guided_by(guide, loss)), told

    return run


def assert_others_are_the_same(found, expected):
    for b in set(range(COUNT)) - {VICTIM}:
        atoms = found.get_batch_idx("pos") == b
        assert torch.equal(found["cell"][b], expected["cell"][b])
        for field in ("pos", "atomic_numbers"):
            assert torch.equal(found[field][atoms], expected[field][atoms])


@pytest.mark.parametrize("guide", [GUIDES["adaptive"], GUIDES["paper"]], ids=["adaptive", "paper"])
@pytest.mark.parametrize("by", [float("nan"), 3e38])
def test_a_gradient_that_is_no_number_moves_nothing(sample, guide, by):
    """The structure itself is sampled as well as without the loss: it is not lost."""
    found, told = sample(guide, poisoned(by))
    assert_others_are_the_same(found, sample(guide)[0])
    assert not told[-1].broken.any()
    assert torch.isfinite(found["cell"]).all()
    assert torch.isfinite(found["pos"]).all()
    strained = torch.stack([p.guided.strain for p in told if p.guided is not None]).sum(0) > 0
    assert strained.tolist() == [b != VICTIM for b in range(COUNT)]


@pytest.mark.parametrize(
    ("guide", "by"),
    [
        ("non-guided", -1e3),
        ("adaptive", float("nan")),
        ("adaptive", -1e30),
        ("adaptive", -1e3),
        ("paper", float("inf")),
        ("paper", -1e3),
    ],
)
def test_an_exploding_cell_is_lost_and_touches_no_other(sample, toy, guide, by):
    module = type(toy)(
        model=Explodes(toy.model, by, "cell"), corruption=toy.corruption, loss_fn=toy.loss_fn
    )
    found, told = sample(GUIDES[guide], module=module)
    assert_others_are_the_same(found, sample(GUIDES[guide])[0])
    assert told[-1].broken.tolist() == [b == VICTIM for b in range(COUNT)]
    assert not told[STEPS // 2 - 2].broken.any()
    assert found["cell"][VICTIM].isnan().all()


@pytest.mark.parametrize("guide", GUIDES.values(), ids=GUIDES)
def test_coordinates_that_are_no_numbers_are_lost_and_touch_no_other(sample, toy, guide):
    module = type(toy)(
        model=Explodes(toy.model, float("nan"), "pos"),
        corruption=toy.corruption,
        loss_fn=toy.loss_fn,
    )
    found, told = sample(guide, module=module)
    assert_others_are_the_same(found, sample(guide)[0])
    assert told[-1].broken.tolist() == [b == VICTIM for b in range(COUNT)]
