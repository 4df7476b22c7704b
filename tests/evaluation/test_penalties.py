from __future__ import annotations

import pytest
import torch

from scoutlang.evaluation.loss import PENALTIES

RESIDUALS = torch.tensor([-2.0, -0.5, 0.0, 0.5, 1.0, 3.0], dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("l1", [2.0, 0.5, 0.0, 0.5, 1.0, 3.0]),
        ("l2", [4.0, 0.25, 0.0, 0.25, 1.0, 9.0]),
        ("huber", [1.5, 0.125, 0.0, 0.125, 0.5, 2.5]),
        ("hinge", [2.0, 0.5, 0.0, 0.5, 1.0, 3.0]),
    ],
)
def test_values_by_hand(name: str, expected: list[float]) -> None:
    assert PENALTIES[name](RESIDUALS).tolist() == expected  # type: ignore[index]


@pytest.mark.parametrize("name", PENALTIES)
def test_gradients_are_finite_and_vanish_at_zero(name: str) -> None:
    residual = RESIDUALS.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(PENALTIES[name](residual).sum(), residual)  # type: ignore[index]
    assert gradient[2] == 0
    assert torch.equal(gradient.sign(), RESIDUALS.sign())


def test_huber_is_smooth_where_its_branches_meet() -> None:
    residual = torch.tensor([1 - 1e-9, 1 + 1e-9], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(PENALTIES["huber"](residual).sum(), residual)
    assert gradient.tolist() == pytest.approx([1.0, 1.0])


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        PENALTIES["l1"] = abs  # type: ignore[index]
