"""Guidance strength over diffusion time (paper, section 2.2.2). t runs from 1 (pure noise) to 0
(clean).
"""

from __future__ import annotations

import itertools
import math

from scoutlang.ir import Schedule


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
