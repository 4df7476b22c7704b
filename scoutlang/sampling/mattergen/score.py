"""The score of a batch: what the network says, classifier-free guided, with types restricted to the
declared system.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mattergen.diffusion.diffusion_module import DiffusionModule
from mattergen.property_embeddings import SetConditionalEmbeddingType, SetUnconditionalEmbeddingType
from torch import Tensor

from scoutlang.crystals.batch import MAX_Z
from scoutlang.sampling.mattergen.batches import twice

FORBIDDEN = -1e10  # logit of an element outside of the declared system


class Score:
    """(batch z, diffusion time (B,)) → scores of ``pos`` (N, 3) and ``cell`` (B, 3, 3), logits of
    ``atomic_numbers`` (N, 101) where the model makes types.

    It is that of MatterGen's `GuidedPredictorCorrector`, s_∅ + cfg (s_c − s_∅), from one pass of
    the network over the batch and its copy where MatterGen makes two.
    """

    def __init__(
        self,
        module: DiffusionModule,
        cfg: float,
        allowed: Sequence[int] | None,
        device: torch.device | str,
    ) -> None:
        """cfg: 0 is the score without conditions, 1 the one with. allowed: atomic numbers; None for
        all.
        """
        self._module, self._cfg = module, cfg
        self._with, self._without = SetConditionalEmbeddingType(), SetUnconditionalEmbeddingType()
        self.evaluations = 1 if cfg in (0.0, 1.0) else 2
        """Evaluations of the network for one structure."""
        self._forbidden = None
        if allowed is not None and "atomic_numbers" in module.corruption.corruptions:
            self._forbidden = torch.ones(MAX_Z + 1, dtype=torch.bool, device=device)
            self._forbidden[[number - 1 for number in allowed]] = False

    def __call__(self, z: Any, time: Tensor) -> Any:
        score = self._guided(z, time)
        if self._forbidden is None:
            return score
        logits = score["atomic_numbers"]
        return score.replace(
            atomic_numbers=logits.masked_fill(self._forbidden[: logits.shape[1]], FORBIDDEN)
        )

    def _guided(self, z: Any, time: Tensor) -> Any:
        if self._cfg == 1.0:
            return self._module.score_fn(self._with(z), time)
        if self._cfg == 0.0:
            return self._module.score_fn(self._without(z), time)
        both = twice(self._with(z), self._without(z))
        prepare = getattr(self._module.model, "prepare", None)
        if prepare is not None:  # what both halves share is computed once
            both = prepare(both, copies=2)
        out = self._module.score_fn(both, torch.cat([time, time]))
        fields = {}
        for name in self._module.corruption.corrupted_fields:
            conditional, unconditional = out[name].chunk(2)
            fields[name] = torch.lerp(unconditional, conditional, self._cfg)
        return z.replace(**fields)
