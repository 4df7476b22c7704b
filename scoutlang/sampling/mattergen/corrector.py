"""The corrector of Algorithm 2: Langevin steps at the noise level that the predictor reached.

The sampler asks a corrector for its number of ``steps`` and for `correct`, and nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from mattergen.common.utils.data_utils import compute_lattice_polar_decomposition

from scoutlang.sampling.mattergen.batches import is_lattice, wrap
from scoutlang.sampling.mattergen.processes import Processes
from scoutlang.sampling.noise import StructureNoise


@dataclass(frozen=True)
class Langevin:
    """Steps z + γ σ² s + √(γ (2 − γ q)) σ ε: the share γ of the noise is taken away, and new noise
    put in its place.

    q = E ‖σ s‖² / E ‖ε‖² says how much of the noise at a level the score knows. The step leaves
    Gaussian data as they are for every γ where q is theirs: 1 where all data are one point, so that
    γ = 1 draws the noise anew; 0 is the usual Langevin step with λ = γ σ², right for short steps
    and for data that are broad beside the noise. How far a step goes depends on the noise level
    alone: not on the length of this score, and on no other structure. γ and q belong to a model,
    which knows its score more or less well. Raises ValueError for settings out of range.
    """

    steps: int = 1
    """n_c, steps after each step of the predictor, 0 to 100."""
    pos: float = 0.5
    """γ of the fractional coordinates, above 0 and at most 1."""
    cell: float = 0.1
    """γ of the lattice, above 0 and at most 1."""
    known: float = 0.0
    """q, 0 to 1."""

    def __post_init__(self) -> None:
        shares = 0 < self.pos <= 1 and 0 < self.cell <= 1
        if not (0 <= self.steps <= 100 and shares and 0 <= self.known <= 1):
            raise ValueError(
                "the corrector needs 0 to 100 steps, γ above 0 and at most 1, and q from 0 to 1"
            )

    def correct(
        self, processes: Processes, z: Any, score: Any, s: float, noise: StructureNoise
    ) -> Any:
        """One step of coordinates and lattice at noise level ``s`` along this score."""
        level, system = processes.noise_level(z, s), z.get_batch_idx("pos")
        sigma_frac, sigma_cell = level.sigma_frac[system][:, None], level.sigma_cell
        pos = z["pos"] + self.pos * sigma_frac.square() * score["pos"]
        pos = pos + self._fresh(self.pos) * sigma_frac * noise.atoms()
        cell = z["cell"] + self.cell * sigma_cell.square() * score["cell"]
        cell = cell + self._fresh(self.cell) * sigma_cell * noise.cells()
        good = is_lattice(cell)[:, None, None]
        symmetric = compute_lattice_polar_decomposition(
            torch.where(good, cell, torch.eye(3, device=cell.device))
        )
        return z.replace(pos=wrap(pos), cell=torch.where(good, symmetric, cell))

    def _fresh(self, share: float) -> float:
        """√(γ (2 − γ q))."""
        return math.sqrt(share * (2 - share * self.known))


PUBLISHED = Langevin()
"""For MatterGen's checkpoints. Its own step has λ = 2 r² (‖ε‖ / ‖s‖)² with r = 0.4 for coordinates
and 0.2 for the lattice, norms averaged over the batch, which is 2 r² σ² (γ = 0.32 and 0.08) where
the score is as long as the noise, and more where it is shorter."""
