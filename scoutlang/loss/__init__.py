"""From a checked program to a differentiable loss on a batch of crystals."""

from scoutlang.loss.lower import Loss, LossValue, compile_loss, loss_and_gradient

__all__ = ["Loss", "LossValue", "compile_loss", "loss_and_gradient"]
