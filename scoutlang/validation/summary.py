"""From records to the table: what a referee reads first. Quantities without a basis are None, never zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from scoutlang.ir import Arm
from scoutlang.validation.metrics import Comparison, Proportion, compare, proportion
from scoutlang.validation.record import Record

METASTABLE = 0.2
"""eV/atom above the hull, unrelaxed: the paper's window for S."""


@dataclass(frozen=True)
class ArmSummary:
    """One arm.

    raw: |R|. hits: |C| of |R|. undefined: structures without a truth value. valid: min-distance screen passed, of |R|.
    median_e_above_hull: eV/atom, over the structures that have a hull energy. metastable: within `METASTABLE`, of the same ones.
    """

    arm: Arm
    raw: int
    hits: Proportion
    undefined: int
    valid: Proportion
    median_e_above_hull: float | None
    metastable: Proportion


@dataclass(frozen=True)
class Summary:
    """Both arms, and their comparison on |C|/|R| where both exist."""

    arms: tuple[ArmSummary, ...]
    enrichment: Comparison | None


def summarize(records: Sequence[Record]) -> Summary:
    """Count. Arms appear in the order non-guided, guided, as in Table 1 of the paper."""
    order: tuple[Arm, ...] = ("non-guided", "guided")
    arms = {arm: _arm(arm, [r for r in records if r.arm == arm]) for arm in order if any(r.arm == arm for r in records)}
    both = len(arms) == len(order)
    return Summary(tuple(arms.values()), compare(arms["guided"].hits, arms["non-guided"].hits) if both else None)


def _arm(arm: Arm, records: Sequence[Record]) -> ArmSummary:
    above_hull = [r.e_above_hull for r in records if r.e_above_hull is not None]
    return ArmSummary(
        arm=arm,
        raw=len(records),
        hits=proportion(sum(r.hit is True for r in records), len(records)),
        undefined=sum(r.hit is None for r in records),
        valid=proportion(sum(r.passed("screen") for r in records), len(records)),
        median_e_above_hull=median(above_hull) if above_hull else None,
        metastable=proportion(sum(e <= METASTABLE for e in above_hull), len(above_hull)),
    )
