"""Program → `Loss`: what the sampler minimises.

A loss is compiled once and never changes: it holds no tensors, no caches, and every call sees only
its batch. Structures are independent: the value of one never depends on its neighbours in the
batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType, ModuleType

import torch
from torch import Tensor

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.crystals.neighbours import SHARPNESS
from scoutlang.descriptors import modules
from scoutlang.evaluation.expressions import Reading, quantity, slack
from scoutlang.evaluation.formula import formula
from scoutlang.ir import Compare, LossName, Program, Relation, Term, Wish, measures

# ---- penalties: residuals of any shape, dimensionless → losses ≥ 0 of the same shape ----


def l1(residual: Tensor) -> Tensor:
    """|x|, the paper's loss. Its slope is 1 however close the target is."""
    return residual.abs()


def l2(residual: Tensor) -> Tensor:
    """x²."""
    return residual.square()


def huber(residual: Tensor) -> Tensor:
    """x²/2 up to |x| = 1, |x| − 1/2 beyond."""
    size = residual.abs()
    inner = size.clamp(max=1.0)
    return inner * (size - inner / 2)


def hinge(residual: Tensor) -> Tensor:
    """|x|, where x counts from the edge of the tolerance (`LossTerm`): 0 as soon as the term
    holds.
    """
    return residual.abs()


PENALTIES: Mapping[LossName, Callable[[Tensor], Tensor]] = MappingProxyType(
    {"l1": l1, "l2": l2, "huber": huber, "hinge": hinge}
)


# ---- the loss ----


@dataclass(frozen=True)
class LossValue:
    """Losses of B crystals under T terms, dimensionless."""

    total: Tensor
    """(B,) sum of the terms."""
    gap: Tensor
    """(B,) how far the total is hoped to fall: its violations, and one natural unit for each wish,
    which has no end and may be negative.
    """
    terms: Tensor
    """(B, T) weighted losses, 0 where undefined."""
    values: Tensor
    """(B, T) soft values in canonical units, the slack of a term that has no single value; 0 where
    undefined.
    """
    defined: Tensor
    """(B, T) bool."""

    def detach(self) -> LossValue:
        """The same numbers without their graph."""
        return LossValue(*(tensor.detach() for tensor in vars(self).values()))


@dataclass(frozen=True)
class LossTerm:
    """One guiding line of the hypothesis, ready to evaluate.

    A plain relation is pulled to its target (or into its range), in natural units of change; what
    is put together with logic or asked of each site is pulled until it holds, by its slack
    (`expressions`).
    """

    term: Term

    def evaluate(self, reading: Reading) -> tuple[Tensor, Tensor, Tensor]:
        """→ soft value (B,), or the slack where there is no single one; weighted loss (B,); defined
        (B,) bool.
        """
        claim, weight = self.term.claim, self.term.weight
        match claim:
            case Wish(value=value, direction=direction, scale=scale):
                found = quantity(value, reading)
                return (
                    found.value,
                    found.value * ((1.0 if direction == "low" else -1.0) * weight / scale),
                    found.defined,
                )
            case Compare(value=value, relation=relation):
                found = quantity(value, reading)
                low, high = self._interval(relation)
                residual = (found.value - found.value.clamp(low, high)) / relation.scale
            case _:
                found = slack(claim, reading)
                residual = (-found.value).clamp(min=0)
        return found.value, PENALTIES[self.term.loss](residual) * weight, found.defined

    def _interval(self, relation: Relation) -> tuple[float, float]:
        """[low, high] that the loss pulls the value into; for ``=`` the target itself, or with a
        hinge all that the tolerance allows.
        """
        if relation.target is not None:
            slack_ = relation.tolerance or 0.0 if self.term.loss == "hinge" else 0.0
            return relation.target - slack_, relation.target + slack_
        return (
            -math.inf if relation.low is None else relation.low,
            math.inf if relation.high is None else relation.high,
        )

    def describe(self) -> str:
        """``tetra (require): 1 · l1((x − 4) / 1), x = …, holds within ± 0.3``."""
        term = self.term
        head = f"{term.label} ({term.verb}): {term.weight:g} · "
        match term.claim:
            case Wish(value=value, direction=direction, scale=scale):
                return (
                    f"{head}{'x' if direction == 'low' else '−x'} / {scale:g}, x = {formula(value)}"
                )
            case Compare(value=value, relation=relation):
                tolerance = (
                    "" if relation.tolerance is None else f", holds within ± {relation.tolerance:g}"
                )
                excess = _excess(*self._interval(relation))
                return (
                    f"{head}{term.loss}({excess} / {relation.scale:g}),"
                    f" x = {formula(value)}{tolerance}"
                )
            case claim:
                return f"{head}{term.loss}(max(0, −slack)), slack of {formula(claim)}"


@dataclass(frozen=True)
class Loss:
    """Sum of the losses of every `require` and every `prefer` of a program."""

    items: tuple[LossTerm, ...]
    catalogue: Mapping[str, ModuleType] = field(repr=False, compare=False)
    """Name → module of every descriptor."""

    @property
    def labels(self) -> tuple[str, ...]:
        """T labels, in program order: the columns of `LossValue`."""
        return tuple(item.term.label for item in self.items)

    def __call__(self, batch: CrystalBatch, sharpness: float | Tensor = SHARPNESS) -> LossValue:
        """Evaluate B crystals; differentiable in ``frac``, ``cell`` and ``species``.

        sharpness: 1/Å, slope of the smooth neighbour step, a number or one per crystal (B,).
        """
        if not self.items:
            empty = batch.frac.new_zeros(batch.size, 0)
            return LossValue(empty.sum(dim=1), empty.sum(dim=1), empty, empty, empty.bool())
        reading = Reading(batch, "soft", sharpness, catalogue=self.catalogue)
        values, losses, defined = (
            torch.stack(column, dim=1)
            for column in zip(*(i.evaluate(reading) for i in self.items), strict=True)
        )
        terms = torch.where(defined, losses, torch.zeros_like(losses))
        wished = torch.tensor(
            [isinstance(item.term.claim, Wish) for item in self.items], device=terms.device
        )
        weights = terms.new_tensor([item.term.weight for item in self.items])
        gaps = torch.where(wished, defined * weights, terms)
        return LossValue(terms.sum(dim=1), gaps.sum(dim=1), terms, values, defined)

    def describe(self) -> str:
        """The loss as text, one line per term."""
        return "\n".join(
            [
                "loss = sum over terms of weight · penalty(residual)",
                *(f"  {item.describe()}" for item in self.items),
            ]
        )


def compile_loss(program: Program) -> Loss:
    """The guiding terms of a checked program as one loss. Raises ValueError where one has no
    gradient: the checker refuses that.
    """
    catalogue = modules()
    guiding = [term for term in program.terms if term.steers]
    for term in guiding:
        for measure in measures(term.claim):
            if not catalogue[measure.descriptor].SIGNATURE.differentiable:
                name = f"{term.label}: {measure.descriptor}"
                raise ValueError(f"{name} has no gradient and cannot steer; use expect")
    return Loss(tuple(map(LossTerm, guiding)), catalogue)


def loss_and_gradient(
    loss: Callable[[CrystalBatch], LossValue], batch: CrystalBatch
) -> tuple[LossValue, Tensor, Tensor]:
    """Loss of every crystal and its gradient → value (detached), dF (N, 3) per fraction, dL (B, 3,
    3) per Å, at fixed ``frac``.
    """
    value, d_frac, d_cell, _ = loss_and_gradients(loss, batch, of_species=False)
    return value, d_frac, d_cell


def loss_and_gradients(
    loss: Callable[[CrystalBatch], LossValue], batch: CrystalBatch, *, of_species: bool = True
) -> tuple[LossValue, Tensor, Tensor, Tensor]:
    """As `loss_and_gradient`, and the gradient to the species probabilities (N, MAX_Z + 1), zeros
    unless asked for.

    One backward pass for the batch: crystals are independent, so the gradient of the sum is the
    gradient of each.
    """
    inputs = [
        batch.frac.detach().requires_grad_(),
        batch.cell.detach().requires_grad_(),
        batch.species.detach().requires_grad_(of_species),
    ]
    with torch.enable_grad():
        value = loss(replace(batch, frac=inputs[0], cell=inputs[1], species=inputs[2]))
        grads = gradient(value, *(x for x in inputs if x.requires_grad))
    d_species = grads[2] if of_species else torch.zeros_like(batch.species)
    return value.detach(), grads[0], grads[1], d_species


def gradient(value: LossValue, *inputs: Tensor) -> tuple[Tensor, ...]:
    """Gradient of every crystal's total with respect to the tensors that it was computed from;
    zeros where it does not depend on them.
    """
    if not value.total.requires_grad:
        return tuple(torch.zeros_like(x) for x in inputs)
    return torch.autograd.grad(value.total.sum(), inputs, allow_unused=True, materialize_grads=True)


def _excess(low: float, high: float) -> str:
    if low == high:
        return f"(x − {low:g})"
    sides = [f"{low:g} − x"] * math.isfinite(low) + [f"x − {high:g}"] * math.isfinite(high)
    return f"max({', '.join(['0', *sides])})"
