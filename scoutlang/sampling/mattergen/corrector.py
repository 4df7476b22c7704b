"""The corrector of Algorithm 2: Langevin steps at the noise level that the predictor reached.

The sampler asks a corrector for its number of ``steps`` and for `correct`, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from mattergen.common.utils.data_utils import compute_lattice_polar_decomposition

from scoutlang.sampling.mattergen.batches import is_lattice, wrap
from scoutlang.sampling.mattergen.processes import Processes
from scoutlang.sampling.noise import StructureNoise


@dataclass(frozen=True)
class Langevin:
    """Steps of a Langevin diffusion about x̂0, z + γ σ² s + √(γ (2 − γ)) σ ε: the share γ of the
    noise is taken away and as much new noise put in its place.

    For every γ the step leaves q(z | x̂0) as it is (for small γ it is the usual Langevin step with λ
    = γ σ²; γ = 1 draws all of the noise anew). How far it goes depends on the noise level alone:
    not on the length of the score, and on no other structure. How large γ may be belongs to a
    model, which knows its score more or less well. Raises ValueError for settings out of range.
    """

    steps: int = 1
    """n_c, steps after each step of the predictor, 0 to 100."""
    pos: float = 0.5
    """γ of the fractional coordinates, above 0 and at most 1."""
    cell: float = 0.1
    """γ of the lattice, above 0 and at most 1."""

    def __post_init__(self) -> None:
        if not (0 <= self.steps <= 100 and 0 < self.pos <= 1 and 0 < self.cell <= 1):
            raise ValueError(
                "the corrector needs 0 to 100 steps and values of γ above 0, at most 1"
            )

    def correct(
        self, processes: Processes, z: Any, score: Any, s: float, noise: StructureNoise
    ) -> Any:
        """One step of coordinates and lattice at noise level ``s`` along this score."""
        level, system = processes.noise_level(z, s), z.get_batch_idx("pos")
        sigma_frac, sigma_cell = level.sigma_frac[system][:, None], level.sigma_cell
        pos = z["pos"] + self.pos * sigma_frac.square() * score["pos"]
        pos = pos + _fresh(self.pos) * sigma_frac * noise.atoms()
        cell = z["cell"] + self.cell * sigma_cell.square() * score["cell"]
        cell = cell + _fresh(self.cell) * sigma_cell * noise.cells()
        good = is_lattice(cell)[:, None, None]
        symmetric = compute_lattice_polar_decomposition(
            torch.where(good, cell, torch.eye(3, device=cell.device))
        )
        return z.replace(pos=wrap(pos), cell=torch.where(good, symmetric, cell))


def _fresh(share: float) -> float:
    """√(γ (2 − γ)): the rest of the noise, (1 − γ) σ, and this much of σ add up to σ²."""
    return float((share * (2 - share)) ** 0.5)


PUBLISHED = Langevin()
"""For MatterGen's checkpoints. Its own step has λ = 2 r² (‖ε‖ / ‖s‖)² with r = 0.4 for coordinates
and 0.2 for the lattice, norms averaged over the batch, which is 2 r² σ² (γ = 0.32 and 0.08) where
the score is as long as the noise, and more where it is shorter."""
