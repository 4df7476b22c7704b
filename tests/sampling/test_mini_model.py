"""`mini` computes what its weights were trained to compute, however the work is laid out."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from scoutlang.sampling.mattergen.batches import conditions
from scoutlang.sampling.mattergen.checkpoint import Model, load_model
from scoutlang.sampling.mini import model as mini_model

from mattergen.property_embeddings import SetConditionalEmbeddingType, SetUnconditionalEmbeddingType  # isort: skip

# Of the first implementation, every ordered pair an edge of its own, on `crystals` with the weights
# of this digest.
WEIGHTS = "3510f3d61bad47d7dc7601393318655a6ed48cdeec173b84c2f755b6843e9eb3"
CONDITIONAL = (
    *(0.074282, 0.005296, -0.038604, -0.666726, 0.740376, 0.395924, 0.443812),
    *(0.599370, 3.170958, 1.629583, 0.767348, 2.763884, 67.670868),
)
UNCONDITIONAL = (
    *(0.108708, -0.000432, -0.032860, -0.626647, 0.792887, 0.383753, 0.439498),
    *(-6.029721, -1.758903, -2.292297, 0.771829, 2.704390, 63.519428),
)
# by coordinates and lattice: two norms, an entry of each
GRADIENT = (65.43848, 8.975413, 0.005881, 2.128635)
SIZES = (1, 2, 7, 20)


@pytest.fixture(scope="module")
def mini() -> Model:
    found = load_model("mini-1")
    assert found.weights_sha256 == WEIGHTS
    return found


def crystals() -> Any:
    """Four crystals of irrational coordinates, Cu, P, Si and masked atoms in turn."""
    n = torch.tensor(SIZES)
    k, b = torch.arange(sum(SIZES), dtype=torch.float64), torch.arange(4, dtype=torch.float64)
    pos = torch.stack([(k * step) % 1 for step in (0.618034, 0.414214, 0.732051)], dim=1).float()
    rows = (
        (1.1 + 0 * b, 0.05 * b, -0.04 * b),
        (0.05 * b, 0.9 + 0.02 * b, 0.03 * b),
        (-0.04 * b, 0.03 * b, 1.0 - 0.01 * b),
    )
    shape = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
    cell = ((15 * n.double()) ** (1 / 3))[:, None, None] * shape
    types = torch.tensor([29, 15, 14, 101])[torch.arange(sum(SIZES)) % 4]
    return conditions(list(SIZES), "Cu-P-Si").replace(
        pos=pos, cell=cell.float(), atomic_numbers=types
    )


def outputs(mini: Model, embedding: Any) -> list[float]:
    """Entries of every output, from each crystal, and the norms of all."""
    out = mini.module.model(embedding(crystals()), torch.tensor([0.05, 0.3, 0.6, 0.95]))
    pos, cell, logits = out["pos"], out["cell"], out["atomic_numbers"]
    entries = (
        *pos[[0, 5, 29], [0, 1, 2]],
        *cell[[0, 1, 2, 3], [0, 1, 0, 2], [0, 1, 2, 2]],
        *logits[[1, 8, 20], [28, 14, 13]],
    )
    return [float(x) for x in (*entries, pos.norm(), cell.norm(), logits[:, [28, 14, 13]].norm())]


def test_the_outputs_are_those_of_the_plain_layout(mini: Model) -> None:
    assert outputs(mini, SetConditionalEmbeddingType()) == pytest.approx(
        CONDITIONAL, abs=1e-5, rel=1e-6
    )
    assert outputs(mini, SetUnconditionalEmbeddingType()) == pytest.approx(
        UNCONDITIONAL, abs=1e-5, rel=1e-6
    )


def test_the_gradient_is_that_of_the_plain_layout(mini: Model) -> None:
    """`method paper` differentiates the network; operations in place must not spoil that."""
    batch = SetConditionalEmbeddingType()(crystals())
    pos, cell = batch["pos"].requires_grad_(), batch["cell"].requires_grad_()
    out = mini.module.model(batch.replace(pos=pos, cell=cell), torch.tensor([0.05, 0.3, 0.6, 0.95]))
    of_pos, of_cell = torch.autograd.grad(
        out["pos"].square().sum() + out["cell"].square().sum(), [pos, cell]
    )
    found = [float(x) for x in (of_pos.norm(), of_cell.norm(), of_pos[4, 1], of_cell[2, 0, 1])]
    assert found == pytest.approx(GRADIENT, rel=1e-3)


def test_parts_of_any_length_give_the_same(mini: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    # 1 · 0 + 1 + 21 + 190 pairs: crystals are cut, and the last part is shorter
    monkeypatch.setattr(mini_model, "ROWS", 7)
    assert outputs(mini, SetConditionalEmbeddingType()) == pytest.approx(
        CONDITIONAL, abs=1e-5, rel=1e-6
    )


def test_pairs_are_those_inside_each_crystal() -> None:
    first, second = mini_model.upper_pairs(torch.tensor([1, 3, 2]))
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == [
        (1, 2),
        (1, 3),
        (2, 3),
        (4, 5),
    ]


def test_a_batch_of_single_atoms_has_no_pairs(mini: Model) -> None:
    one = conditions([1, 1], "Cu-P-Si").replace(
        cell=3.0 * torch.eye(3).expand(2, 3, 3), atomic_numbers=torch.tensor([29, 15])
    )
    out = mini.module.model(SetConditionalEmbeddingType()(one), torch.tensor([0.2, 0.2]))
    assert torch.isfinite(out["pos"]).all()
    assert torch.isfinite(out["cell"]).all()
