"""The corrector of Algorithm 2: Langevin steps at the noise level that the predictor reached.

The sampler asks a corrector for its number of ``steps`` and for `correct`, and nothing else; how
far a step goes is decided in `step_size`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from mattergen.common.utils.data_utils import compute_lattice_polar_decomposition
from torch import Tensor

from scoutlang.crystals.neighbours import sum_by_structure
from scoutlang.sampling.mattergen.batches import is_lattice, wrap
from scoutlang.sampling.mattergen.processes import Processes
from scoutlang.sampling.noise import StructureNoise


@dataclass(frozen=True)
class Langevin:
    """Langevin steps with settings that belong to a model: how well it knows its score decides how
    far its score can be trusted. Raises ValueError for settings out of range.
    """

    steps: int = 1
    """n_c, steps after each step of the predictor, 0 to 100."""
    pos: float = 0.4
    """r of the fractional coordinates, above 0 and at most 1."""
    cell: float = 0.2
    """r of the lattice, above 0 and at most 1."""

    def __post_init__(self) -> None:
        if not (0 <= self.steps <= 100 and 0 < self.pos <= 1 and 0 < self.cell <= 1):
            raise ValueError(
                "the corrector needs 0 to 100 steps and values of r above 0, at most 1"
            )

    def correct(
        self, processes: Processes, z: Any, score: Any, along: Any, s: float, noise: StructureNoise
    ) -> Any:
        """z + λ s + √(2 λ) ε for coordinates and lattice, at noise level ``s``.

        score: of ``z``; its length decides λ. along: the score that is followed, the same one or
        one that guidance has changed.
        """
        level, system = processes.noise_level(z, s), z.get_batch_idx("pos")
        noise_frac, noise_cell = noise.atoms(), noise.cells()
        size = len(level.sigma_frac)
        frac_step = step_size(
            self.pos,
            1.0,
            sum_by_structure(_square(noise_frac), system, size),
            sum_by_structure(_square(score["pos"]), system, size),
            level.sigma_frac,
        )[system][:, None]
        cell_step = step_size(
            self.cell,
            processes.lattice_alpha(z, s),
            _square(noise_cell),
            _square(score["cell"]),
            level.sigma_cell[:, 0, 0],
        )[:, None, None]
        pos = z["pos"] + frac_step * along["pos"] + (2 * frac_step).sqrt() * noise_frac
        cell = z["cell"] + cell_step * along["cell"] + (2 * cell_step).sqrt() * noise_cell
        good = is_lattice(cell)[:, None, None]
        symmetric = compute_lattice_polar_decomposition(
            torch.where(good, cell, torch.eye(3, device=cell.device))
        )
        return z.replace(pos=wrap(pos), cell=torch.where(good, symmetric, cell))


PUBLISHED = Langevin()
"""What MatterGen publishes for its checkpoints."""


def step_size(
    r: float, alpha: float | Tensor, noise_square: Tensor, score_square: Tensor, sigma: Tensor
) -> Tensor:
    """(B,) λ = 2 α (r ‖ε‖/‖s‖)² of each structure by itself, at most σ².

    noise_square, score_square: (B,) ‖ε‖² and ‖s‖² of one structure; sigma: (B,) noise level. With
    s = −ε/σ the rule is 2 α r² σ²; but where the score nearly vanishes, at high noise, λ would grow
    without limit, and rounding would decide where the atoms go.
    """
    ratio = noise_square / score_square.clamp(min=1e-20)
    return torch.minimum(2 * alpha * r**2 * ratio, sigma.square())


def _square(x: Tensor) -> Tensor:
    """The sum of squares of each row."""
    return x.flatten(1).square().sum(1)
