"""Guidance strength over diffusion time (paper, section 2.2.2). t runs from 1 (pure noise) to 0
(clean).
"""

from __future__ import annotations

import itertools
import math

from scoutlang.ir import Guide, Schedule

_ROUNDING = 1e-9
"""Of diffusion times: 0.7 is a step of 20, whatever its last bits are."""


def strength(schedule: Schedule, t: float) -> float:
    """Value of a schedule: constant, from ``start`` at t = 1 to ``end`` at t = 0, linear or cosine,
    or straight from point to point.
    """
    if schedule.shape == "piecewise":
        return _piecewise(schedule.points, t)
    progress = 1.0 - t
    if schedule.shape == "cosine":
        progress = 0.5 * (1.0 - math.cos(math.pi * progress))
    elif schedule.shape == "constant":
        progress = 0.0
    return schedule.start + (schedule.end - schedule.start) * progress


def _piecewise(points: tuple[tuple[float, float], ...], t: float) -> float:
    """``points``: (time, value) with falling times; constant outside of them."""
    if t >= points[0][0]:
        return points[0][1]
    for (t1, k1), (t2, k2) in itertools.pairwise(points):
        if t >= t2:
            return k2 + (k1 - k2) * (t - t2) / (t1 - t2)
    return points[-1][1]


def is_active(guide: Guide, t: float, step: int, total_steps: int) -> bool:
    """Whether guidance acts in this step: inside its window of diffusion time, ends included, every
    M-th step, counted from the first or from the crystal.

    The window ends before t = 0, so that the last steps denoise what the guidance did.
    """
    number = total_steps - step if guide.counted == "crystal" else step
    inside = guide.until - _ROUNDING <= t <= guide.since + _ROUNDING
    return inside and number % guide.every == 0


def ever_active(guide: Guide, total_steps: int) -> bool:
    """Whether guidance acts in any step of a run, t going from 1 to 1/N."""
    return any(
        is_active(guide, (total_steps - step) / total_steps, step, total_steps)
        for step in range(total_steps)
    )
