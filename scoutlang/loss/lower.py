"""Program → `Loss`: what the sampler minimises.

A loss is compiled once and never changes: it holds no tensors, no caches, and every call sees only its batch. Structures are
independent: the value of one never depends on its neighbours in the batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType

import torch
from torch import Tensor

from scoutlang.crystal import CrystalBatch
from scoutlang.descriptors import modules
from scoutlang.geometry import DescriptorValue
from scoutlang.ir import Program, Term
from scoutlang.loss.penalties import PENALTIES


@dataclass(frozen=True)
class LossValue:
    """Losses of B crystals under T terms, dimensionless.

    total: (B,) sum of the terms. terms: (B, T) weighted losses, 0 where undefined.
    values: (B, T) soft descriptor values in canonical units, 0 where undefined. defined: (B, T) bool.
    """

    total: Tensor
    terms: Tensor
    values: Tensor
    defined: Tensor

    def detach(self) -> LossValue:
        """The same numbers without their graph."""
        return LossValue(self.total.detach(), self.terms.detach(), self.values.detach(), self.defined)


@dataclass(frozen=True)
class LossTerm:
    """One guiding line of the hypothesis, ready to evaluate."""

    term: Term
    descriptor: ModuleType

    def evaluate(self, batch: CrystalBatch, sharpness: float | Tensor) -> DescriptorValue:
        value: DescriptorValue = self.descriptor.soft(batch, self.term.measure, sharpness)
        return value

    def loss(self, value: Tensor) -> Tensor:
        """Soft values (B,) → weighted losses (B,)."""
        relation = self.term.relation
        if relation.op in ("minimize", "maximize"):
            sign = 1.0 if relation.op == "minimize" else -1.0
            return value * (sign * self.term.weight / relation.scale)
        low, high = wanted_interval(self.term)
        residual = (value - value.clamp(low, high)) / relation.scale
        return PENALTIES[self.term.loss](residual) * self.term.weight

    def describe(self) -> str:
        """``tetra (require): 1 · l1((x − 4) / 1), x = …, holds within ± 0.3``."""
        term, relation = self.term, self.term.relation
        if relation.op in ("minimize", "maximize"):
            penalty = f"{'x' if relation.op == 'minimize' else '−x'} / {relation.scale:g}"
        else:
            penalty = f"{term.loss}({_excess(*wanted_interval(term))} / {relation.scale:g})"
        tolerance = "" if relation.tolerance is None else f", holds within ± {relation.tolerance:g}"
        return f"{term.label} ({term.verb}): {term.weight:g} · {penalty}, x = {self.descriptor.formula(term.measure)}{tolerance}"


@dataclass(frozen=True)
class Loss:
    """Sum of the losses of every `require` and every differentiable `prefer` of a program."""

    items: tuple[LossTerm, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """T labels, in program order: the columns of `LossValue`."""
        return tuple(item.term.label for item in self.items)

    def __call__(self, batch: CrystalBatch, sharpness: float | Tensor = 8.0) -> LossValue:
        """Evaluate B crystals; differentiable in ``frac``, ``cell`` and ``species``.

        sharpness: 1/Å, slope of the smooth neighbour step, a number or one per crystal (B,).
        """
        if not self.items:
            empty = batch.frac.new_zeros(batch.size, 0)
            return LossValue(empty.sum(dim=1), empty, empty, empty.bool())
        results = [item.evaluate(batch, sharpness) for item in self.items]
        values = torch.stack([r.value for r in results], dim=1)
        defined = torch.stack([r.defined for r in results], dim=1)
        losses = torch.stack([item.loss(r.value) for item, r in zip(self.items, results, strict=True)], dim=1)
        terms = torch.where(defined, losses, torch.zeros_like(losses))
        return LossValue(terms.sum(dim=1), terms, values, defined)

    def describe(self) -> str:
        """The loss as text, one line per term."""
        return "\n".join(["loss = sum over terms of weight · penalty(residual)", *(f"  {item.describe()}" for item in self.items)])


def compile_loss(program: Program) -> Loss:
    """The guiding terms of a checked program as one loss.

    Raises ValueError where a `require` has no gradient or an aggregate is not the descriptor's own: the checker refuses both.
    """
    catalogue = modules()
    items = []
    for term in program.terms:
        descriptor = catalogue[term.measure.descriptor]
        differentiable = descriptor.SIGNATURE.differentiable
        if term.verb == "require" and not differentiable:
            raise ValueError(f"{term.label}: {term.measure.descriptor} has no gradient and cannot be required; use expect")
        if term.verb == "expect" or not differentiable:
            continue
        if term.measure.aggregate != descriptor.SIGNATURE.aggregate:
            raise ValueError(f"{term.label}: {term.measure.descriptor} has no aggregate {term.measure.aggregate!r}")
        items.append(LossTerm(term, descriptor))
    return Loss(tuple(items))


def loss_and_gradient(loss: Callable[[CrystalBatch], LossValue], batch: CrystalBatch) -> tuple[LossValue, Tensor, Tensor]:
    """Loss of every crystal and its gradient → value (detached), dF (N, 3) per fraction, dL (B, 3, 3) per Å, at fixed ``frac``."""
    value, d_frac, d_cell, _ = loss_and_gradients(loss, batch, of_species=False)
    return value, d_frac, d_cell


def loss_and_gradients(
    loss: Callable[[CrystalBatch], LossValue], batch: CrystalBatch, *, of_species: bool = True
) -> tuple[LossValue, Tensor, Tensor, Tensor]:
    """As `loss_and_gradient`, and the gradient to the species probabilities (N, MAX_Z + 1), zeros unless asked for.

    One backward pass for the batch: crystals are independent, so the gradient of the sum is the gradient of each.
    """
    inputs = [batch.frac.detach().requires_grad_(), batch.cell.detach().requires_grad_(), batch.species.detach().requires_grad_(of_species)]
    with torch.enable_grad():
        value = loss(replace(batch, frac=inputs[0], cell=inputs[1], species=inputs[2]))
        grads = gradient(value, *(x for x in inputs if x.requires_grad))
    d_species = grads[2] if of_species else torch.zeros_like(batch.species)
    return value.detach(), grads[0], grads[1], d_species


def gradient(value: LossValue, *inputs: Tensor) -> tuple[Tensor, ...]:
    """Gradient of every crystal's total with respect to the tensors that it was computed from; zeros where it does not depend on them."""
    if not value.total.requires_grad:
        return tuple(torch.zeros_like(x) for x in inputs)
    return torch.autograd.grad(value.total.sum(), inputs, allow_unused=True, materialize_grads=True)


def wanted_interval(term: Term) -> tuple[float, float]:
    """[low, high] that the loss pulls the value into; for ``=`` the target itself, or with a hinge all that the tolerance allows."""
    relation = term.relation
    if relation.target is not None:
        slack = relation.tolerance or 0.0 if term.loss == "hinge" else 0.0
        return relation.target - slack, relation.target + slack
    return -math.inf if relation.low is None else relation.low, math.inf if relation.high is None else relation.high


def _excess(low: float, high: float) -> str:
    if low == high:
        return f"(x − {low:g})"
    sides = [f"{low:g} − x"] * math.isfinite(low) + [f"x − {high:g}"] * math.isfinite(high)
    return f"max({', '.join(['0', *sides])})"
