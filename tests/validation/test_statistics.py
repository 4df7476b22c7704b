"""Statistics against published and hand-made values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scoutlang.validation.statistics import compare, design_effect, proportion

# Table 1 of the paper: |R| and |C|/|R| of the non-guided and the guided arm, and the published p
# (None: p < 1e-12)
PAPER = {
    "B, V/N = 7": (2000, 0.127, 6312, 0.600, None),
    "B-Fe-Nd, B-Fe = 6": (4300, 0.155, 3000, 0.212, 2.03e-10),
    "Co-Li-O, Co-O = 4": (1200, 0.052, 600, 0.077, 0.021),
    "Cu-Si-P, Cu-P = 3": (2500, 0.138, 708, 0.431, None),
    "Cu-Si-P, Cu-P = 4": (2500, 0.404, 716, 0.459, 3.73e-3),
    "Cu-Si-P, Cu-P = 6": (2500, 0.016, 706, 0.059, 2.65e-11),
    "Cu-Si-P-Ca": (2200, 0.010, 1132, 0.072, None),
}


@pytest.mark.parametrize(("n0", "f0", "n1", "f1", "published"), PAPER.values(), ids=PAPER)
def test_the_papers_p_values_follow_from_its_counts(
    n0: int, f0: float, n1: int, f1: float, published: float | None
) -> None:
    result = compare(proportion(round(f1 * n1), n1), proportion(round(f0 * n0), n0))
    assert result.p_z is not None
    if published is None:
        assert result.p_z < 1e-12
    else:  # the fractions are printed with three digits, so p is known to about a factor of three
        assert abs(math.log10(result.p_z / published)) < 0.5


def test_wilson_interval_of_a_known_case() -> None:
    """Newcombe, Stat. Med. 17, 857 (1998), Table I, method 3: 81/263 and 0/20."""
    known = proportion(81, 263)
    assert known.low == pytest.approx(0.2553, abs=1e-4)
    assert known.high == pytest.approx(0.3662, abs=1e-4)
    none = proportion(0, 20)
    assert (none.low, none.high) == (pytest.approx(0, abs=1e-12), pytest.approx(0.1611, abs=1e-4))


def test_z_test_by_hand() -> None:
    result = compare(proportion(30, 100), proportion(20, 100))
    z = 0.1 / math.sqrt(0.25 * 0.75 * 2 / 100)
    assert result.z == pytest.approx(z)
    assert result.p_z == pytest.approx(math.erfc(z / math.sqrt(2)) / 2)


def test_fishers_lady_tasting_tea() -> None:
    """Fisher 1935: 3 of 4 against 1 of 4 has the one-sided p = 17/70."""
    assert compare(proportion(3, 4), proportion(1, 4)).p_fisher == pytest.approx(17 / 70)


def test_without_samples_everything_is_undefined_not_zero() -> None:
    empty = proportion(0, 0)
    assert (empty.fraction, empty.low, empty.high) == (None, None, None)
    result = compare(empty, proportion(1, 10))
    assert (result.z, result.p_z, result.p_fisher) == (None, None, None)


@pytest.mark.parametrize("count", [0, 10])
def test_z_is_undefined_where_both_arms_are_all_alike(count: int) -> None:
    result = compare(proportion(count, 10), proportion(count, 10))
    assert result.p_z is None
    assert result.p_fisher == pytest.approx(1.0)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="not within"):
        proportion(3, 2)


class TestRelatives:
    def test_copies_that_stay_alike_count_once(self) -> None:
        """Every structure four times: interval and tests are those of the families."""
        truths = [i % 5 == 0 for i in range(100) for _ in range(4)]
        design = design_effect(truths, [i for i in range(100) for _ in range(4)])
        assert design == pytest.approx(4 * 100 / 99)
        once, copied = proportion(20, 100), proportion(80, 400, 4.0)
        assert (copied.low, copied.high) == pytest.approx((once.low, once.high))
        baseline = proportion(10, 100)
        assert compare(copied, baseline).p_z == pytest.approx(compare(once, baseline).p_z)
        assert compare(copied, baseline).p_fisher == pytest.approx(compare(once, baseline).p_fisher)

    def test_without_relatives_nothing_changes(self) -> None:
        assert design_effect([True, False, False], [1, 2, 3]) == 1.0

    def test_all_hits_or_none_are_counted_by_families(self) -> None:
        assert design_effect([False] * 6, [0, 0, 0, 1, 1, 2]) == pytest.approx(14 / 6)
        assert design_effect([True] * 4, [0] * 4) == 4.0

    def test_intervals_cover_what_they_should(self) -> None:
        """Families of 1 to 8 in which two of three copies are alike: 95 % of the intervals hold the
        truth, of the naive ones fewer.
        """
        rng = np.random.default_rng(0)
        good = naive = 0
        for _ in range(300):
            families = np.repeat(np.arange(60), rng.integers(1, 9, 60))
            drawn = rng.random(60) < 0.3
            truths = np.where(
                rng.random(len(families)) < 2 / 3, drawn[families], rng.random(len(families)) < 0.3
            ).tolist()
            for design in (1.0, design_effect(truths, families.tolist())):
                found = proportion(sum(truths), len(truths), design)
                assert found.low is not None
                assert found.high is not None
                held = found.low <= 0.3 <= found.high
                good, naive = (good, naive + held) if design == 1.0 else (good + held, naive)
        assert naive < 0.85 * 300
        assert 0.91 * 300 < good < 0.99 * 300
