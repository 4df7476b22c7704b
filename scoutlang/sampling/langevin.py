"""Settings of the Langevin corrector (Algorithm 2), which belong to a model: how well it knows its
score decides how far it can be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Langevin:
    """steps: n_c, corrector steps after each predictor step. pos, cell: r of coordinates and
    lattice, λ = 2 α (r ‖ε‖/‖s‖)².
    """

    steps: int = 1
    pos: float = 0.4
    cell: float = 0.2

    def __post_init__(self) -> None:
        if not (0 <= self.steps <= 100 and 0 < self.pos <= 1 and 0 < self.cell <= 1):
            raise ValueError(
                "the corrector needs 0 to 100 steps and values of r above 0, at most 1"
            )


PUBLISHED = Langevin()
"""What MatterGen publishes for its checkpoints."""
