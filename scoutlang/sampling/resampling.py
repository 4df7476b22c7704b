"""Feynman-Kac resampling: a batch as a population in which poor structures are replaced by copies
of better ones.

With rewards r_b = −λ ℓ(x̂0) (and the height of x̂0 above the hull) the potentials are exp(r_now −
r_before): they telescope, so the population samples the process that the sampler runs, reweighted
by exp(r) of its last x̂0 (FK steering, arXiv:2501.06848, its difference potential; TDS,
2306.17775). A guided process is reweighted as it is: its ratio to the non-guided one is not taken
back (docs/guidance.md says why).

The functions are pure, run on the host, and B is the number of structures of the batch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Population:
    """Bookkeeping of a batch under resampling."""

    ancestor: Indices
    """(B,) the structure that each one descends from, counted in the batch."""
    log_weight: Floats
    """(B,) what the rewards have changed by since the last resampling."""
    reward: Floats
    """(B,) the last rewards; 0 before the first."""

    @classmethod
    def start(cls, size: int) -> Population:
        return cls(np.arange(size), np.zeros(size), np.zeros(size))

    def weighed(self, reward: Floats) -> Population:
        """The same structures with new rewards; one that is not finite is the poorest of all."""
        finite = np.isfinite(reward)
        known = np.where(finite, reward, reward[finite].min() if finite.any() else 0.0)
        return replace(self, log_weight=self.log_weight + known - self.reward, reward=known)

    def effective_size(self) -> float:
        """Kish's 1 / Σ w², from 1 to B."""
        return float(1 / np.square(_normalised(self.log_weight)).sum())

    def resampled(self, uniform: float, offspring: int | None) -> tuple[Population, Indices]:
        """→ the next population, and the parent of each slot. ``uniform``: one random number in [0,
        1).

        ``offspring``: the most living descendants of one ancestor, None for no bound; what is above
        it goes to the next best ancestors.
        """
        weight = _normalised(self.log_weight)
        copies = _limited(
            _systematic(weight, uniform, len(weight)), weight, self.ancestor, offspring
        )
        parents = _slots(copies)
        return Population(
            self.ancestor[parents], np.zeros(len(parents)), self.reward[parents]
        ), parents


def _normalised(log_weight: Floats) -> Floats:
    weight = np.exp(log_weight - log_weight.max())
    return np.asarray(weight / weight.sum())


def _systematic(weight: Floats, uniform: float, count: int) -> Indices:
    """Number of copies of each item, ``count`` in total: systematic resampling with one random
    number.
    """
    edges = np.floor(np.cumsum(weight) / weight.sum() * count + uniform).astype(np.int64)
    edges = np.minimum(edges, count)  # rounding
    edges[-1] = count
    copies: Indices = np.diff(edges, prepend=0)
    return copies


def _limited(copies: Indices, weight: Floats, ancestor: Indices, offspring: int | None) -> Indices:
    """The same total with at most ``offspring`` copies in each line; surplus goes to the heaviest
    structures of lines with room.
    """
    if offspring is None:
        return copies
    limited, total = np.zeros_like(copies), int(copies.sum())
    line = np.zeros(int(ancestor.max()) + 1, dtype=np.int64)
    heaviest = np.argsort(-weight, kind="stable")
    for wanted in (copies, np.full_like(copies, offspring)):
        for b in heaviest:
            granted = min(
                int(wanted[b] - limited[b]),
                offspring - line[ancestor[b]],
                total - int(limited.sum()),
            )
            limited[b] += max(granted, 0)
            line[ancestor[b]] += max(granted, 0)
    return limited


def _slots(copies: Indices) -> Indices:
    """(B,) parent of each slot: who lives on keeps the slot, further copies take those that became
    free.
    """
    parents = np.arange(len(copies))
    free = np.flatnonzero(copies == 0)
    parents[free] = np.repeat(parents, np.maximum(copies - 1, 0))
    return parents
