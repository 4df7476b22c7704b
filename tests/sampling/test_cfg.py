"""Classifier-free guidance: one pass of the network gives what MatterGen's two passes give."""

from __future__ import annotations

import pytest
import torch

from scoutlang.sampling.mattergen.batches import conditions
from scoutlang.sampling.mattergen.checkpoint import load_model
from scoutlang.sampling.mattergen.score import Score

from mattergen.common.diffusion.predictors_correctors import (  # isort: skip
    LatticeAncestralSamplingPredictor,
)
from mattergen.diffusion.sampling.classifier_free_guidance import (  # isort: skip
    GuidedPredictorCorrector,
)
from mattergen.property_embeddings import (  # isort: skip
    SetConditionalEmbeddingType,
    SetUnconditionalEmbeddingType,
)


@pytest.mark.parametrize("cfg", [0.5, 2.0])
def test_one_pass_is_two(monkeypatch, cfg):
    module = load_model("mini").module
    (mask,) = module.corruption.discrete_corruptions.values()
    mattergens = GuidedPredictorCorrector(
        diffusion_module=module,
        predictor_partials={"cell": LatticeAncestralSamplingPredictor},
        device=torch.device("cpu"),
        n_steps_corrector=0,
        N=mask.N,
        guidance_scale=cfg,
        remove_conditioning_fn=SetUnconditionalEmbeddingType(),
        keep_conditioning_fn=SetConditionalEmbeddingType(),
    )
    g = torch.Generator().manual_seed(0)
    z = conditions([3, 5, 1], "Cu-P-Si").replace(
        pos=torch.rand(9, 3, generator=g),
        cell=4 * torch.eye(3).repeat(3, 1, 1) + 0.1 * torch.randn(3, 3, 3, generator=g),
        atomic_numbers=torch.tensor([29, 101, 15, 29, 14, 15, 101, 101, 29]),
    )
    time, passes = torch.full((3,), 0.5), []
    once = module.score_fn
    monkeypatch.setattr(
        module, "score_fn", lambda x, t: passes.append(len(x["num_atoms"])) or once(x, t)
    )
    with torch.no_grad():
        ours = Score(module, cfg, None, "cpu")(z, time)
        theirs = mattergens._score_fn(z, time)
    assert passes == [6, 3, 3]
    for field in ("pos", "cell", "atomic_numbers"):
        torch.testing.assert_close(ours[field], theirs[field], rtol=1e-5, atol=1e-5)
    assert ours["num_atoms"].tolist() == [3, 5, 1]


def test_the_second_half_is_without_condition():
    """With a factor far from 0 and 1 the two halves must differ, or nothing was guided."""
    module = load_model("mini").module
    z = conditions([4], "Cu-P-Si").replace(
        pos=torch.rand(4, 3), cell=4 * torch.eye(3)[None], atomic_numbers=torch.full((4,), 101)
    )
    with torch.no_grad():
        scores = [
            Score(module, cfg, None, "cpu")(z, torch.full((1,), 0.5)) for cfg in (0.0, 1.0, 3.0)
        ]
    for field in ("pos", "cell"):
        none, full, threefold = (s[field] for s in scores)
        assert (full - none).abs().max() > 1e-3
        torch.testing.assert_close(threefold, none + 3 * (full - none), rtol=1e-4, atol=1e-4)
