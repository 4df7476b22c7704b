"""A diffusion that is known in closed form: its data, score, posterior, and the moments of what the
sampler makes of it.

Data: L0 symmetric with independent normal entries, F0 wrapped normal, each atom copper or
phosphorus. The processes are MatterGen's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

import scoutlang.sampling.mattergen  # noqa: F401, makes MatterGen importable
from scoutlang.crystals.batch import CrystalBatch
from scoutlang.evaluation.loss import LossValue

from mattergen.diffusion.corruption.multi_corruption import MultiCorruption  # isort: skip
from mattergen.property_embeddings import get_use_unconditional_embedding  # isort: skip

COPPER, PHOSPHORUS = 29, 15


@dataclass(frozen=True)
class Gaussian:
    """L0 = cell_mean I + cell_shear (1 − I) + cell_std ε, ε symmetric, Å; F0 ~ N(frac_mean,
    frac_std²) wrapped; P(Cu) = copper, else P.
    """

    cell_mean: float = 4.0
    cell_shear: float = 0.0
    cell_std: float = 0.3
    frac_mean: float = 0.5
    frac_std: float = 0.05
    copper: float = 0.7


PRIOR = Gaussian()


class ExactScore(torch.nn.Module):
    """Score × std of the data at time t, in the form in which a MatterGen model gives it.

    given: the data under a condition. early: other data, whose score is given above a diffusion
    time, and that time.
    """

    cond_fields_model_was_trained_on: tuple[str, ...] = ()

    def __init__(
        self,
        corruption: MultiCorruption,
        data: Gaussian,
        given: Gaussian | None = None,
        early: tuple[Gaussian, float] | None = None,
    ) -> None:
        super().__init__()
        self.corruption, self.data, self.given, self.early = (
            corruption,
            data,
            given or data,
            early or (data, math.inf),
        )

    def forward(self, x, t: Tensor):
        atoms, (early, line) = x.get_batch_idx("pos"), self.early
        free = get_use_unconditional_embedding(x, "chemical_system")[:, 0]

        def of(name: str) -> Tensor:
            late = torch.where(free, getattr(self.data, name), getattr(self.given, name))
            return torch.where(t > line, getattr(early, name), late)

        cell_sde, pos_sde = self.corruption.sdes["cell"], self.corruption.sdes["pos"]
        alpha, sigma = cell_sde.mean_coeff_and_std(x=x["cell"], t=t, batch_idx=None, batch=x)
        mean, shear, spread = (
            of(name)[:, None, None] for name in ("cell_mean", "cell_shear", "cell_std")
        )
        centre = alpha * (mean * torch.eye(3) + shear * (1 - torch.eye(3)))
        centre = centre + (1 - alpha) * cell_sde.get_limit_mean(x=x["cell"], batch=x)
        cell = -(x["cell"] - centre) / (alpha**2 * spread**2 + sigma**2) * sigma
        std = pos_sde.marginal_prob(x["pos"][:, :1], t, batch_idx=atoms, batch=x)[1].reshape(-1, 1)
        pos = (
            wrapped_score(
                x["pos"] - of("frac_mean")[atoms][:, None],
                std**2 + of("frac_std")[atoms][:, None] ** 2,
            )
            * std
        )
        copper = of("copper")[atoms]
        logits = torch.full((len(pos), 101), -1e10)
        logits[:, COPPER - 1], logits[:, PHOSPHORUS - 1] = copper.log(), (1 - copper).log()
        return x.replace(pos=pos, cell=cell, atomic_numbers=logits)


def wrapped_score(offset: Tensor, variance: Tensor) -> Tensor:
    """d/dx of the log density of a wrapped normal: the sum over images where it is narrow, its
    Fourier series where it is wide.
    """
    offset, variance = torch.broadcast_tensors(offset - offset.round(), variance)
    narrow, wide = variance.clamp(max=0.1)[..., None], variance.clamp(min=0.1)[..., None]
    images = offset[..., None] + torch.arange(-2, 3.0)
    near = -(torch.softmax(-(images**2) / (2 * narrow), dim=-1) * images / narrow).sum(-1)
    k = torch.arange(1, 4.0)
    weight, phase = torch.exp(-2 * math.pi**2 * k**2 * wide), 2 * math.pi * k * offset[..., None]
    far = -(4 * math.pi * k * weight * phase.sin()).sum(-1) / (
        1 + 2 * (weight * phase.cos()).sum(-1)
    )
    return torch.where(variance < 0.1, near, far)


# -- losses with a known posterior
# --------------------------------------------------------------------------------------------------


@dataclass
class KnownLoss:
    """``function`` of x̂0 → (B,), times ``factor`` of the time that ``clock`` was last told; one
    term.
    """

    function: Callable[[CrystalBatch], Tensor]
    factor: Callable[[float], float] = lambda _: 1.0
    clock: list[float] = field(default_factory=lambda: [1.0])

    def __call__(self, batch: CrystalBatch, sharpness: float | Tensor = 8.0) -> LossValue:
        total = self.factor(self.clock[0]) * self.function(batch)
        return LossValue(
            total,
            total,
            total[:, None],
            total.detach()[:, None],
            torch.ones(batch.size, 1, dtype=torch.bool),
        )


UPPER = torch.triu(torch.ones(3, 3))  # the six independent entries of a symmetric lattice


def of_lattice(function: Callable[[Tensor], Tensor]) -> Callable[[CrystalBatch], Tensor]:
    """Σ of a function of the six independent entries."""
    return lambda batch: (function(batch.cell) * UPPER).sum((1, 2))


def of_coordinates(function: Callable[[Tensor], Tensor]) -> Callable[[CrystalBatch], Tensor]:
    """Σ of a function of the coordinates."""
    return lambda batch: batch.frac.new_zeros(batch.size).index_add(
        0, batch.system, function(batch.frac).sum(1)
    )


# -- moments of the sampler's chain
# -------------------------------------------------------------------------------------------------

LIMIT_DENSITY = 0.05  # atoms/Å^3, of the configuration that the toy takes its processes from

Affine = tuple[float, float]  # slope, intercept


@dataclass(frozen=True)
class Process:
    """z_t = α x_0 + (1 − α) limit_mean + σ ε of one scalar component, and its normal data N(mean,
    std²). MatterGen's constants.
    """

    alpha: Callable[[float], float]
    sigma: Callable[[float], float]
    limit_mean: float
    mean: float
    std: float

    def variance(self, t: float) -> float:
        """Var z_t."""
        return self.alpha(t) ** 2 * self.std**2 + self.sigma(t) ** 2

    def uncertainty(self, t: float) -> float:
        """r² = Var(x_0 | z_t), the same for every z_t."""
        return self.std**2 * self.sigma(t) ** 2 / self.variance(t)

    def score(self, t: float) -> Affine:
        centre = self.alpha(t) * self.mean + (1 - self.alpha(t)) * self.limit_mean
        return -1 / self.variance(t), centre / self.variance(t)

    def clean(self, t: float, score: Affine) -> Affine:
        """x̂0 = [z + σ² s − (1 − α) μ] / α."""
        alpha, var = self.alpha(t), self.sigma(t) ** 2
        return (1 + var * score[0]) / alpha, (
            var * score[1] - (1 - alpha) * self.limit_mean
        ) / alpha


def lattice(atoms: int, mean: float, std: float, *, diagonal: bool = True) -> Process:
    """An entry of the lattice: VP around (n/ρ)^(1/3) with ν² = 0.25 n^(2/3), β from 0.1 to 20, ρ =
    `LIMIT_DENSITY`.
    """

    def alpha(t: float) -> float:
        return math.exp(-0.25 * t**2 * (20 - 0.1) - 0.5 * t * 0.1)

    limit_std = 0.5 * atoms ** (1 / 3)
    limit_mean = (atoms / LIMIT_DENSITY) ** (1 / 3) if diagonal else 0.0
    return Process(alpha, lambda t: limit_std * math.sqrt(1 - alpha(t) ** 2), limit_mean, mean, std)


def coordinate(atoms: int, mean: float, std: float) -> Process:
    """A coordinate as if the circle were a line: VE with σ = n^(−1/3) · 0.01 · 500^t. What is
    wrapped at high noise is forgotten later.
    """
    return Process(lambda _: 1.0, lambda t: atoms ** (-1 / 3) * 0.01 * 500**t, 0.0, mean, std)


Push = Callable[[float, Affine], Affine]


def chain(
    process: Process,
    steps: int,
    *,
    push: Push | None = None,
    window: tuple[float, float] = (0.0, 1.0),
    recur: int = 1,
    share: float = 0.0,
    known: float = 0.0,
    origin: tuple[float, float] | None = None,
) -> tuple[float, float]:
    """(mean, std) of one component of what the sampler returns: every step is affine in z, so both
    follow a recursion.

    push: (t, x̂0 as an affine function of z) → what guidance adds to the score, as one. share, known: γ
    and q of one step of the corrector, which is not guided; γ = 0 for none. origin: the diffusion
    time from which a value is noised, and that value.
    """
    mean, var = process.limit_mean, process.sigma(1.0) ** 2
    for j in range(steps):
        t, s = 1 - j / steps, 1 - (j + 1) / steps if j + 1 < steps else 0.0
        if origin is not None:
            if t > origin[0] + 1e-9:
                continue
            alpha = process.alpha(t)
            mean = alpha * origin[1] + (1 - alpha) * process.limit_mean
            var, origin = process.sigma(t) ** 2, None
        guided = window[0] <= t <= window[1] and s > 0
        for round_ in range(recur if guided else 1):
            if round_:
                ratio = process.alpha(t) / process.alpha(s)
                mean = ratio * mean + (1 - ratio) * process.limit_mean
                var = ratio**2 * var + process.sigma(t) ** 2 - ratio**2 * process.sigma(s) ** 2
            score = process.score(t)
            if guided and push is not None:
                change = push(t, process.clean(t, score))
                score = score[0] + change[0], score[1] + change[1]
            # z_s ~ q(z_s | z_t, x_0 = x̂0): Bayes for the two normal factors q(z_s | x_0) and q(z_t
            # | z_s)
            sigma_s, alpha_s = process.sigma(s) if s > 0 else 0.0, process.alpha(s)
            kept = process.alpha(t) / alpha_s * sigma_s**2 / process.sigma(t) ** 2
            new = alpha_s - kept * process.alpha(t)
            fresh = sigma_s**2 * (1 - kept * process.alpha(t) / alpha_s)
            slope, intercept = process.clean(t, score)
            mean = (
                (kept + new * slope) * mean
                + new * intercept
                + (1 - kept - new) * process.limit_mean
            )
            var = (kept + new * slope) ** 2 * var + fresh
            if s > 0:
                # z ← (1 − γ) z + γ E(z_s | x̂0) + √(γ (2 − γ q)) σ ε
                slope, intercept = process.clean(s, process.score(s))
                moved = 1 - share + share * alpha_s * slope
                mean = moved * mean + share * (
                    alpha_s * intercept + (1 - alpha_s) * process.limit_mean
                )
                var = moved**2 * var + share * (2 - share * known) * sigma_s**2
    return mean, math.sqrt(var)
