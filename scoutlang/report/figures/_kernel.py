"""Gaussian kernel densities with the bandwidth of Silverman's rule, as in the paper
(arXiv:2604.13354, section 3).

The rule of scipy: H = f² C with f = (n (d + 2) / 4)^(−1/(d + 4)), C the covariance of the n points
(n − 1 in its denominator), d their dimension (B. W. Silverman, Density Estimation for Statistics
and Data Analysis, 1986, eq. 4.14).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import gaussian_kde

LEAST = 10
"""Points that a density is drawn of; fewer are shown one by one."""

_DEGENERATE = 1e-8
"""Points whose spread is below this share of their size lie on one place, or on a line."""


@dataclass(frozen=True)
class Density:
    """A density on a grid."""

    values: NDArray[np.float64]
    """At the points that were asked for, in their shape."""
    bandwidth: tuple[float, ...]
    """Standard deviation of the kernel along each axis, in its unit."""


def density(
    points: Sequence[Sequence[float]] | NDArray[np.float64], grid: ArrayLike
) -> Density | str:
    """Of d coordinates of n points (d, n) at the points of a grid (d, …); integrates to 1. Or why
    there is none, as the end of a sentence.
    """
    sample, places = np.atleast_2d(np.asarray(points, dtype=float)), np.asarray(grid, dtype=float)
    dimension, number = sample.shape
    if number < LEAST:
        return f"too few for a density (less than {LEAST})"
    spread = sample.std(axis=1)
    if (spread <= _DEGENERATE * np.maximum(np.abs(sample).max(axis=1), 1)).any():
        return (
            "all have the same value" if dimension == 1 else "all have the same value along an axis"
        )
    if dimension > 1 and np.linalg.eigvalsh(np.corrcoef(sample))[0] <= _DEGENERATE:
        return "all lie on a line"
    kernel = gaussian_kde(sample, bw_method="silverman")
    shape = places.shape if dimension == 1 else places.shape[1:]
    found = kernel(places.reshape(dimension, -1)).reshape(shape)
    return Density(found, tuple(float(v) for v in np.sqrt(np.diag(kernel.covariance))))
