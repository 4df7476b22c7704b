"""Statistics of the comparison between the guided and the non-guided arm. Every result names its test and its N."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import fisher_exact
from statsmodels.stats.proportion import proportion_confint, proportions_ztest

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Proportion:
    """``count`` of ``total`` with the Wilson score interval. Fraction and interval are None when ``total`` is 0."""

    count: int
    total: int
    fraction: float | None
    low: float | None
    high: float | None
    interval: str = "Wilson 95 %"


@dataclass(frozen=True)
class Comparison:
    """One-sided tests of "the guided fraction is larger". ``z`` and ``p_z`` are None where the pooled variance is 0 or an arm is empty."""

    guided: Proportion
    non_guided: Proportion
    z: float | None
    p_z: float | None
    p_fisher: float | None
    test_z: str = "two-proportion z-test, pooled, one-sided"
    test_fisher: str = "Fisher's exact test, one-sided"


def proportion(count: int, total: int) -> Proportion:
    """Fraction with its interval (Wilson 1927; statsmodels). Raises ValueError unless 0 ≤ count ≤ total."""
    if not 0 <= count <= total:
        raise ValueError(f"count {count} is not within 0 … {total}")
    if total == 0:
        return Proportion(0, 0, None, None, None)
    low, high = proportion_confint(count, total, alpha=1 - CONFIDENCE, method="wilson")
    return Proportion(count, total, count / total, float(low), float(high))


def compare(guided: Proportion, non_guided: Proportion) -> Comparison:
    """Is the guided fraction larger? The paper's z-test, and Fisher's exact test, which stays valid for small counts."""
    counts, totals = (guided.count, non_guided.count), (guided.total, non_guided.total)
    if 0 in totals:
        return Comparison(guided, non_guided, None, None, None)
    misses = [n - c for c, n in zip(counts, totals, strict=True)]
    p_fisher = float(fisher_exact([counts, misses], alternative="greater").pvalue)
    if sum(counts) in (0, sum(totals)):
        return Comparison(guided, non_guided, None, None, p_fisher)
    z, p_z = proportions_ztest(counts, totals, alternative="larger")
    return Comparison(guided, non_guided, float(z), float(p_z), p_fisher)
