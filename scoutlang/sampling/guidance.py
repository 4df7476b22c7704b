"""The mathematics of the guidance as pure functions. Equation numbers: arXiv:2604.13354;
conventions: MatterGen's (docs/guidance.md).

Shapes: N atoms in B crystals; frac, score_F (N, 3); cell, score_L (B, 3, 3), rows are lattice
vectors in Å; system (N,) crystal of each atom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from scoutlang.crystals.neighbours import sound_cell, sum_by_structure

STRAIN_LENGTH = 2.0  # c in Å: a strain ε counts like a displacement of c·‖ε‖ per atom
MAX_TILT = 3.0  # the most that a type logit is changed
MAX_SIGMA = 0.25  # fractional: above this noise x̂0 is too blurred to be worth steering

# s0, fractional: how far an atom of a clean crystal may be from its expected place
PRIOR_SPREAD = 0.1
LEAST_SHARPNESS = 2.5  # 1/Å


def wrap(frac: Tensor) -> Tensor:
    """Fractional coordinates in [0, 1)."""
    return frac - torch.floor(frac)


def clean_frac(frac: Tensor, score: Tensor, sigma: Tensor) -> Tensor:
    """F̂0 = wrap(F + σ_F² s_F): Tweedie's estimate for the wrapped variance-exploding process (α =
    1).
    """
    return wrap(frac + sigma.square() * score)


def clean_cell(
    cell: Tensor, score: Tensor, alpha: Tensor, sigma: Tensor, limit_mean: Tensor
) -> Tensor:
    """L̂0 = [L + σ_L² s_L − (1 − α) μ] / α: Tweedie's estimate for the variance-preserving process
    around μ (trap 1).
    """
    return (cell + sigma.square() * score - (1 - alpha) * limit_mean) / alpha


def renoise_frac(frac: Tensor, sigma_t: Tensor, sigma_s: Tensor, noise: Tensor) -> Tensor:
    """z_t ~ q(z_t | z_s), s < t, wrapped variance-exploding: std² = σ_t² − σ_s², with the n^(−1/3)
    inside σ (trap 3).
    """
    return wrap(frac + (sigma_t.square() - sigma_s.square()).clamp(min=0).sqrt() * noise)


def renoise_cell(
    cell: Tensor, alpha_ts: Tensor, limit_mean: Tensor, limit_std: Tensor, noise: Tensor
) -> Tensor:
    """z_t ~ q(z_t | z_s): α_ts L_s + (1 − α_ts) μ + ν √(1 − α_ts²) ε with symmetric ε (trap 2)."""
    return (
        alpha_ts * cell
        + (1 - alpha_ts) * limit_mean
        + limit_std * (1 - alpha_ts.square()).clamp(min=0).sqrt() * noise
    )


def symmetric_noise(noise: Tensor) -> Tensor:
    """(B, 3, 3) standard normal → symmetric with unit variance in every entry."""
    off_diagonal = (noise + noise.transpose(1, 2)) / 2**0.5
    return off_diagonal + torch.diag_embed((noise - off_diagonal).diagonal(dim1=1, dim2=2))


@dataclass(frozen=True)
class Descent:
    """Steepest descent of the loss on x̂0 in one Cartesian metric (trap 6).

    move: (N, 3) Å; strain: (B, 3, 3) symmetric; square_norm: (B,) m² = Σ‖Δr‖² + c² n ‖ε‖², the rate
    at which the loss falls. inverse: (B, 3, 3) 1/Å, L^(−1) of x̂0, and of a cube of 1 Å for an x̂0
    that is no cell: its gradient is none or not finite.
    """

    move: Tensor
    strain: Tensor
    square_norm: Tensor
    inverse: Tensor


def descent(
    grad_frac: Tensor, grad_cell: Tensor, cell: Tensor, system: Tensor, num_atoms: Tensor
) -> Descent:
    """Gradients of ℓ in (F, L) → Δr = −G_F L^(−T), ε = −sym(Lᵀ G_L)/(c² n). A crystal with a
    non-finite gradient gets zeros.
    """
    inverse = torch.linalg.inv_ex(sound_cell(cell)[0])[0]
    move = -(grad_frac.unsqueeze(1) @ inverse.transpose(1, 2)[system]).squeeze(1)
    torque = cell.transpose(1, 2) @ grad_cell
    n = num_atoms.to(cell.dtype)
    strain = -0.5 * (torque + torque.transpose(1, 2)) / (STRAIN_LENGTH**2 * n)[:, None, None]
    square = sum_by_structure(
        move.square().sum(1), system, len(n)
    ) + STRAIN_LENGTH**2 * n * strain.square().sum((1, 2))
    good = torch.isfinite(square)
    move = torch.where(good[system][:, None], move, torch.zeros_like(move))
    strain = torch.where(good[:, None, None], strain, torch.zeros_like(strain))
    return Descent(move, strain, torch.where(good, square, torch.zeros_like(square)), inverse)


def normalised_step(
    strength: float, direction: Descent, *, over_batch: bool, cap: float | None
) -> Tensor:
    """(B,) step length k/‖∇ℓ‖, at most η = ``cap`` (paper, section 2.2.3). ``over_batch``: the
    authors' norm over all structures (trap 5).
    """
    square = (
        direction.square_norm.sum().expand_as(direction.square_norm)
        if over_batch
        else direction.square_norm
    )
    step = torch.where(
        square > 0, strength / square.clamp(min=1e-20).sqrt(), torch.zeros_like(square)
    )
    return step if cap is None else step.clamp(max=cap)


def adaptive_step(
    strength: float,
    gap: Tensor,
    direction: Descent,
    system: Tensor,
    sigma_frac: Tensor,
    *,
    move: float,
    strain: float,
) -> Tensor:
    """(B,) Polyak step gap/m²: to where the linearised loss has fallen by ``gap`` (`LossValue`),
    limited to a trusted move of x̂0; zero while σ_F > MAX_SIGMA.

    move: Å, the most that an atom of x̂0 moves in one step; strain: the largest strain of its cell.
    """
    size = len(gap)
    furthest, strained = extent(direction, torch.ones_like(gap), system)
    limit = torch.minimum(move / furthest.clamp(min=1e-12), strain / strained.clamp(min=1e-12))
    polyak = gap / direction.square_norm.clamp(min=1e-20)
    sharp = shared(sigma_frac, system, size) <= MAX_SIGMA
    useful = (direction.square_norm > 0) & torch.isfinite(gap) & sharp
    return torch.where(useful, strength * torch.minimum(polyak, limit), torch.zeros_like(gap))


def extent(direction: Descent, step: Tensor, system: Tensor) -> tuple[Tensor, Tensor]:
    """What a step along the descent does → (B,) Å, the longest move of an atom; (B,) Frobenius norm
    of the strain.
    """
    furthest = step.new_zeros(len(step)).scatter_reduce(
        0, system, direction.move.norm(dim=1), reduce="amax", include_self=False
    )
    return step * furthest, step * direction.strain.flatten(1).norm(dim=1)


def shared(sigma_frac: Tensor, system: Tensor, size: int) -> Tensor:
    """(B,) noise level that all atoms of a structure have, from (N, 1)."""
    return sigma_frac.new_zeros(size).index_copy_(0, system, sigma_frac.flatten())


def blurred_sharpness(sharpness: float, sigma_frac: Tensor, cell: Tensor, system: Tensor) -> Tensor:
    """(B,) a_eff = a / √(1 + π a² v / 8): the smooth step averaged over what is still uncertain
    about a distance of x̂0 (docs/guidance.md).

    v = 2 (r ā)², r² = σ_F² s0² / (σ_F² + s0²) with s0 = `PRIOR_SPREAD`, ā the mean length of the
    cell vectors. sigma_frac: (N, 1). Never below `LEAST_SHARPNESS`: a wider step would count half
    of the crystal.
    """
    size = len(cell)
    sigma = shared(sigma_frac, system, size)
    uncertain = sigma.square() * PRIOR_SPREAD**2 / (sigma.square() + PRIOR_SPREAD**2)
    variance = 2 * uncertain * torch.linalg.vector_norm(cell, dim=-1).mean(dim=-1).square()
    blurred: Tensor = sharpness / (1 + math.pi / 8 * sharpness**2 * variance).sqrt()
    return blurred.clamp(min=min(LEAST_SHARPNESS, sharpness))


def tilt(strength: float, slope: Tensor) -> Tensor:
    """(N, Z) change of the type logits: −k λ ∂ℓ/∂p_i(a), limited; a type that lowers the loss
    becomes likelier (adaptive method only).

    slope: λ ∂ℓ/∂p (N, Z), λ in logits per unit of ∂ℓ/∂p.
    """
    return (-strength * torch.nan_to_num(slope)).clamp(-MAX_TILT, MAX_TILT)


def displacement(
    direction: Descent, step: Tensor, cell: Tensor, system: Tensor
) -> tuple[Tensor, Tensor]:
    """(ΔF (N, 3), ΔL (B, 3, 3)) of x̂0 for a step along the descent; ΔL is brought back to
    MatterGen's symmetric lattice form.
    """
    delta_frac = (
        step[system][:, None, None] * direction.move.unsqueeze(1) @ direction.inverse[system]
    ).squeeze(1)
    strained = cell + cell @ (step[:, None, None] * direction.strain)
    after, before = symmetric_form(torch.cat([strained, cell])).chunk(2)
    return delta_frac, after - before


def symmetric_form(cell: Tensor) -> Tensor:
    """The rotated copy of the lattice that is a symmetric positive matrix: (L Lᵀ)^(1/2). Of what is
    no cell: a cube of 1 Å.
    """
    sound = sound_cell(cell)[0]
    values, vectors = torch.linalg.eigh(sound @ sound.transpose(1, 2))
    root: Tensor = (vectors * values.clamp(min=0).sqrt().unsqueeze(1)) @ vectors.transpose(1, 2)
    return root
