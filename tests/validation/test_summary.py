"""From records to the sets of the paper: by hand, and from the counts behind its Table 1."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import pytest
from scipy.stats import hypergeom

from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import Arm
from scoutlang.validation import Outcome, Record
from scoutlang.validation.record import Status
from scoutlang.validation.summary import summarize

# |R|, |U|/|R|, |U∩S|/|U|, |U∩S∩O|/|U∩S|, |U∩S∩O∩C|, SCOUT, Y_SCOUT: Table 1 of arXiv:2604.13354v3,
# non-guided and guided
PAPER = {
    "B": (
        (2000, 0.661, 0.005, 0.833, 4, 0.800, 0.002),
        (6312, 0.691, 0.002, 0.889, 7, 0.875, 0.001),
    ),
    "B-Fe = 6": (
        (4300, 0.284, 0.389, 0.992, 18, 0.038, 0.004),
        (3000, 0.354, 0.196, 0.981, 18, 0.088, 0.006),
    ),
    "Co-O = 4": (
        (1200, 0.787, 0.675, 0.995, 39, 0.061, 0.033),
        (600, 0.793, 0.651, 0.990, 20, 0.065, 0.033),
    ),
    "Cu-P = 3": (
        (2500, 0.724, 0.541, 0.990, 145, 0.150, 0.058),
        (708, 0.983, 0.103, 0.986, 27, 0.380, 0.038),
    ),
    "Cu-P = 4": (
        (2500, 0.724, 0.541, 0.990, 298, 0.308, 0.119),
        (716, 0.888, 0.258, 0.994, 117, 0.718, 0.163),
    ),
    "Cu-P = 6": (
        (2500, 0.724, 0.541, 0.990, 7, 0.007, 0.003),
        (706, 0.820, 0.297, 0.994, 0, 0.000, 0.000),
    ),
    "Cu-P = 4, Cu-Cu = 1": (
        (2200, 0.742, 0.555, 0.986, 13, 0.015, 0.006),
        (1132, 0.718, 0.226, 0.978, 4, 0.022, 0.004),
    ),
}


@lru_cache
def answers(
    unique: bool | None, above: float | None, novel: bool | None, hit: bool | None
) -> dict[str, Outcome]:
    def status(truth: bool | None) -> Status:
        return "undefined" if truth is None else "passed" if truth else "failed"

    return {
        "screen": Outcome("passed"),
        "hits": Outcome(status(hit), "", {"hit": hit}),
        "hull": Outcome("undefined" if above is None else "passed", "", {"e_above_hull": above}),
        "unique": Outcome(status(unique), "", {} if unique is None else {"unique": unique}),
        "novel": Outcome(status(novel), "", {} if novel is None else {"novel": novel}),
    }


def record(
    index: int,
    *,
    arm: Arm = "guided",
    unique: bool | None = True,
    above: float | None = 0.1,
    novel: bool | None = True,
    hit: bool | None = True,
) -> Record:
    """One that is in all sets, unless said otherwise; None: the stage has no answer."""
    return Record(
        f"{arm}-{index}", Specimen(arm, 0, index, None), answers(unique, above, novel, hit)
    )


def retained(arm: Arm, raw: int, u: int, us: int, uso: int, usoc: int) -> list[Record]:
    """Structures of which so many are left after each stage."""
    return [
        record(i, arm=arm, unique=i < u, above=0.1 if i < us else 0.3, novel=i < uso, hit=i < usoc)
        for i in range(raw)
    ]


def counts_behind(
    raw: int, u: float, us: float, uso: float, usoc: int, scout: float
) -> tuple[int, int, int]:
    """The first |U|, |U∩S|, |U∩S∩O| that agree with all printed digits."""

    def near(fraction: float, total: int) -> Sequence[int]:
        middle = round(fraction * total)
        span = 2 + total // 1000
        return [n for n in sorted(range(middle - span, middle + span + 1), key=lambda n: abs(n - fraction * total))
                if 0 <= n <= total and abs(n / total - fraction) <= 0.00051]  # fmt: skip

    return next(
        (a, b, c)
        for a in near(u, raw)
        for b in near(us, a)
        for c in near(uso, b)
        if abs(usoc / c - scout) <= 0.00051
    )


@pytest.mark.parametrize("arms", PAPER.values(), ids=PAPER)
def test_scout_and_yield_of_the_papers_table(
    arms: Sequence[tuple[int, float, float, float, int, float, float]],
) -> None:
    """Whole numbers behind the printed stage-wise retentions give the printed SCOUT and Y_SCOUT."""
    names: tuple[Arm, Arm] = ("non-guided", "guided")
    records: list[Record] = []
    for arm, (raw, u, us, uso, usoc, scout, _) in zip(names, arms, strict=True):
        records += retained(arm, raw, *counts_behind(raw, u, us, uso, usoc, scout), usoc)
    summary = summarize(records)
    for found, (raw, u, us, uso, usoc, scout, final) in zip(summary.arms, arms, strict=True):
        fractions = [
            p.fraction
            for p in (
                found.unique,
                found.unique_metastable,
                found.original,
                found.scout,
                found.scout_yield,
            )
        ]
        assert fractions == pytest.approx([u, us, uso, scout, final], abs=0.00051)
        assert (found.raw, found.scout.count, found.scout_yield.count, found.scout_yield.total) == (
            raw,
            usoc,
            usoc,
            raw,
        )


def test_the_papers_yields_compared() -> None:
    """Cu-P = 4, the clearest success: 298 of 2500 against 117 of 716; p by the hypergeometric tail.
    Cu-P = 6 has no guided one at all.
    """
    better, worse = (
        summarize(
            [
                *retained("non-guided", 2500, 1810, 979, 969, n0),
                *retained("guided", n1, 600, 180, 179, c1),
            ]
        ).yields
        for n0, n1, c1 in ((298, 716, 117), (7, 706, 0))
    )
    assert better is not None
    assert worse is not None
    assert better.p_fisher == pytest.approx(hypergeom.sf(117 - 1, 2500 + 716, 298 + 117, 716))
    assert worse.p_fisher == pytest.approx(1.0)


def test_what_has_no_answer_is_in_no_set_and_counted() -> None:
    records = [
        record(0),
        record(1, unique=False),
        record(2, above=None),
        record(3, above=0.2),
        record(4, above=0.21),
        record(5, novel=False),
        record(6, hit=False),
        record(7, hit=None),
        record(8, unique=None),
        record(9, novel=None),
    ]
    (arm,) = summarize(records).arms
    assert (arm.unique.count, arm.unique.total) == (8, 10)
    assert (arm.unique_metastable.count, arm.unique_metastable.total) == (6, 8)
    assert (arm.original.count, arm.original.total) == (4, 6)
    assert (arm.scout.count, arm.scout.total) == (2, 4)
    assert (arm.scout_yield.count, arm.scout_yield.total) == (2, 10)
    assert (arm.metastable.count, arm.metastable.total) == (8, 9)
    assert (arm.undefined, arm.without_hull, arm.not_compared) == (1, 1, 2)


def test_nothing_that_passes_means_undefined_not_zero() -> None:
    (arm,) = summarize([record(0, above=0.5), record(1, above=None)]).arms
    assert (arm.unique_metastable.fraction, arm.scout_yield.fraction) == (0.0, 0.0)
    assert (arm.original.fraction, arm.scout.fraction) == (None, None)


def test_the_final_set_does_not_depend_on_the_order_of_records() -> None:
    records = [record(0), record(1, hit=False), record(2, novel=False), record(3, above=None)]
    summaries = {summarize(some) for some in itertools.permutations(records)}
    assert len(summaries) == 1


def test_descendants_of_one_structure_are_not_independent() -> None:
    """Forty of four families: the counts are theirs, the interval that of four."""
    records = [record(i, hit=i < 20) for i in range(40)]
    related = [
        replace(r, generated=replace(r.generated, ancestor=10 * (r.generated.index // 10)))
        for r in records
    ]
    (apart,), (together,) = summarize(records).arms, summarize(related).arms
    assert (together.hits.count, together.hits.fraction) == (apart.hits.count, apart.hits.fraction)
    assert together.hits.design == pytest.approx(10 * 4 / 3)
    assert apart.hits.low is not None
    assert together.hits.low is not None
    assert together.hits.low < apart.hits.low


def test_one_arm_has_nothing_to_be_compared_with() -> None:
    summary = summarize([record(0)])
    assert (summary.enrichment, summary.yields) == (None, None)
