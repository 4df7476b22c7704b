"""Statistics of the comparison between the guided and the non-guided arm. Every result names its
test and its N.

Resampling makes several structures descend from one, and such relatives count for less than as many
independent ones. Following Rao and Scott (Biometrics 48, 577 (1992), doi:10.2307/2532311) counts
are divided by the design effect: how much larger the variance of the fraction is than for
independent structures, measured between the families, which are the structures that descend from
one. That families of one batch compete with each other is not in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import ceil, floor

from scipy.stats import fisher_exact
from statsmodels.stats.proportion import proportion_confint, proportions_ztest

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Proportion:
    """``count`` of ``total`` with the Wilson score interval."""

    count: int
    total: int
    fraction: float | None
    """None where ``total`` is 0, and so are the ends of the interval."""
    low: float | None
    high: float | None
    design: float = 1.0
    """The design effect, 1 for independent structures: the interval and every test take both counts
    divided by it.
    """
    interval: str = "Wilson 95 %"


@dataclass(frozen=True)
class Comparison:
    """One-sided tests of "the guided fraction is larger"."""

    guided: Proportion
    non_guided: Proportion
    z: float | None
    """The statistic of the z-test; None where the pooled variance is 0 or an arm is empty."""
    p_z: float | None
    """Its p-value, None where ``z`` is."""
    p_fisher: float | None
    """The p-value of Fisher's test, None where an arm is empty."""
    test_z: str = "two-proportion z-test, pooled, one-sided"
    test_fisher: str = "Fisher's exact test, one-sided"


def proportion(count: int, total: int, design: float = 1.0) -> Proportion:
    """Fraction with its interval (Wilson 1927; statsmodels). Raises ValueError unless 0 ≤ count ≤
    total.
    """
    if not 0 <= count <= total:
        raise ValueError(f"count {count} is not within 0 … {total}")
    if total == 0:
        return Proportion(0, 0, None, None, None)
    low, high = proportion_confint(
        count / design, total / design, alpha=1 - CONFIDENCE, method="wilson"
    )
    return Proportion(count, total, count / total, float(low), float(high), design)


def design_effect(truths: Sequence[bool], families: Sequence[Hashable]) -> float:
    """Rao and Scott's n² v / [n p (1 − p)], v the variance between families, at least 1.

    Where all structures are hits, or none, or there is one family, v says nothing: then it is
    Σ size² / n, as if the members of each family were always alike.
    """
    sizes = Counter(families)
    total, count = len(truths), sum(truths)
    if len(sizes) == total:
        return 1.0
    if count in (0, total) or len(sizes) == 1:
        return sum(size**2 for size in sizes.values()) / total
    fraction = count / total
    hits = Counter(family for truth, family in zip(truths, families, strict=True) if truth)
    scatter = (
        sum((hits[family] - size * fraction) ** 2 for family, size in sizes.items())
        * len(sizes)
        / (len(sizes) - 1)
    )
    return max(1.0, scatter / (total * fraction * (1 - fraction)))


def compare(guided: Proportion, non_guided: Proportion) -> Comparison:
    """Is the guided fraction larger? The paper's z-test, and Fisher's exact test, which stays valid
    for small counts.

    Fisher's is of whole numbers: of counts divided by the design effect and rounded against the
    guided arm, or of the counts, whichever says less.
    """
    if 0 in (guided.total, non_guided.total):
        return Comparison(guided, non_guided, None, None, None)
    counts = [p.count / p.design for p in (guided, non_guided)]
    totals = [p.total / p.design for p in (guided, non_guided)]
    # whole numbers are needed: those that speak less for the guided arm
    fewer = floor(counts[0]), ceil(totals[0] - counts[0])
    more = ceil(counts[1]), floor(totals[1] - counts[1])
    plain = [(p.count, p.total - p.count) for p in (guided, non_guided)]
    p_fisher = max(
        float(fisher_exact(list(zip(*whole, strict=True)), alternative="greater").pvalue)
        for whole in ([fewer, more], plain)
    )
    if sum(counts) in (0, sum(totals)):
        return Comparison(guided, non_guided, None, None, p_fisher)
    z, p_z = proportions_ztest(counts, totals, alternative="larger")
    return Comparison(guided, non_guided, float(z), float(p_z), p_fisher)
