"""Every element of the system in every crystal, where few atoms choose.

The network says for each atom alone what it may be. Where few choose, because those of an orbit are
one or because most are given, an element would often be left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from scoutlang.crystals.batch import MAX_Z

_FORBIDDEN = -1e10
"""The logit of a type that is not allowed."""


def completed(
    score: Any,
    types: Tensor,
    structure: Tensor,
    chooser: Tensor,
    elements: Sequence[int],
) -> Any:
    """The score in which nobody takes an element that is there already while as many are undecided
    as elements are missing.

    types (K,), structure (K,): of those that choose, 101 for the mask. chooser (N,): who chooses
    for each atom.
    """
    if "atomic_numbers" not in score or not len(types):
        return score
    wanted = torch.as_tensor(elements, device=types.device)
    there = types[:, None] == wanted  # (K, elements)
    crystals = int(structure.max()) + 1
    present = there.new_zeros((crystals, len(wanted)), dtype=torch.long)
    present = present.index_add(0, structure, there.long()) > 0
    undecided = types > MAX_Z
    left = torch.bincount(structure[undecided], minlength=crystals)
    missing = (~present).sum(1)
    bound = (missing > 0) & (left <= missing)
    forbidden = (undecided & bound[structure])[:, None] & present[structure]
    logits = score["atomic_numbers"].clone()
    logits[:, wanted - 1] = logits[:, wanted - 1].masked_fill(forbidden[chooser], _FORBIDDEN)
    return score.replace(atomic_numbers=logits)
