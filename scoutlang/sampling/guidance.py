"""What the methods of guidance share: steepest descent of a loss on x̂0, and the score that a step
along it makes. Pure functions; conventions are MatterGen's (docs/guidance.md).

Shapes: B crystals with N atoms in total; frac (N, 3), cell (B, 3, 3), rows are lattice vectors in
Å; a step (B,) is a length along the descent, for each crystal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch_geometric.utils import scatter

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.crystals.neighbours import sound_cell, sum_by_structure
from scoutlang.sampling.mattergen.processes import NoiseLevel

STRAIN_LENGTH = 2.0
"""c in Å: a strain ε counts like a displacement of c·‖ε‖ of every atom."""


@dataclass(frozen=True)
class Descent:
    """Steepest descent of the loss on x̂0, of coordinates and lattice in one Cartesian metric."""

    move: Tensor
    """(N, 3) Δr of each atom in Å, for a step of 1."""
    strain: Tensor
    """(B, 3, 3) ε of the cell, symmetric, for a step of 1."""
    square_norm: Tensor
    """(B,) m² = Σ‖Δr‖² + c² n ‖ε‖², the rate at which the loss falls; finite."""
    inverse: Tensor
    """(B, 3, 3) 1/Å, L^(−1) of x̂0, and that of a cube of 1 Å for an x̂0 that is no cell: its
    gradient is none or not finite.
    """


def descent(clean: CrystalBatch, grad_frac: Tensor, grad_cell: Tensor) -> Descent:
    """Gradients of ℓ to F (N, 3) and L (B, 3, 3) → Δr = −G_F L^(−T), ε = −sym(Lᵀ G_L)/(c² n). A
    crystal with a gradient that is not finite gets zeros.
    """
    cell, system, n = clean.cell, clean.system, clean.num_atoms.to(clean.cell.dtype)
    inverse = torch.linalg.inv_ex(sound_cell(cell)[0])[0]
    move = -(grad_frac.unsqueeze(1) @ inverse.transpose(1, 2)[system]).squeeze(1)
    torque = cell.transpose(1, 2) @ grad_cell
    strain = -0.5 * (torque + torque.transpose(1, 2)) / (STRAIN_LENGTH**2 * n)[:, None, None]
    square = sum_by_structure(
        move.square().sum(1), system, len(n)
    ) + STRAIN_LENGTH**2 * n * strain.square().sum((1, 2))
    good = torch.isfinite(square)
    move = torch.where(good[system][:, None], move, torch.zeros_like(move))
    strain = torch.where(good[:, None, None], strain, torch.zeros_like(strain))
    return Descent(move, strain, torch.where(good, square, torch.zeros_like(square)), inverse)


def extent(direction: Descent, step: Tensor, system: Tensor) -> tuple[Tensor, Tensor]:
    """What a step along the descent does → (B,) Å, the longest move of an atom; (B,) Frobenius norm
    of the strain.
    """
    furthest = scatter(direction.move.norm(dim=1), system, dim_size=len(step), reduce="max")
    return step * furthest, step * direction.strain.flatten(1).norm(dim=1)


def pushed(
    score: Any, clean: CrystalBatch, direction: Descent, step: Tensor, level: NoiseLevel
) -> Any:
    """s ← s + (α/σ²) Δx̂0 (Eq. 3): the score whose x̂0 has gone a step down the loss. score: a
    MatterGen batch with ``pos`` (N, 3) and ``cell`` (B, 3, 3).
    """
    delta_frac, delta_cell = displacement(direction, step, clean)
    sigma_frac = level.sigma_frac[clean.system][:, None]
    return score.replace(
        pos=score["pos"] + delta_frac / sigma_frac.square(),
        cell=score["cell"] + level.alpha * delta_cell / level.sigma_cell.square(),
    )


def displacement(direction: Descent, step: Tensor, clean: CrystalBatch) -> tuple[Tensor, Tensor]:
    """(ΔF (N, 3), ΔL (B, 3, 3)) of x̂0 for a step along the descent; ΔL is brought back to
    MatterGen's symmetric lattice form.
    """
    cell, system = clean.cell, clean.system
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
