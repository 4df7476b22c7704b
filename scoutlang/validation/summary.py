"""From records to the table: what a referee reads first. Quantities without a basis are None, never
zero.

The sets of the paper (arXiv:2604.13354, section 3.6), all of unrelaxed structures: R raw; C hits; U
unique, of those of an arm that are the same crystal the one that counts; S within `hull.METASTABLE`
of the hull; O original, not in the reference set. A structure without an answer (no hull energy, a
species that is absent) is in none of the sets it has no answer for, and the summary says how many
those are. Intervals and tests allow for structures that descend from one another
(`statistics.design_effect`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from scoutlang.ir import ARMS, Arm
from scoutlang.validation.hull import is_metastable
from scoutlang.validation.record import Record
from scoutlang.validation.statistics import (
    Comparison,
    Proportion,
    compare,
    design_effect,
    proportion,
)


@dataclass(frozen=True)
class ArmSummary:
    """One arm."""

    arm: Arm
    raw: int
    """|R|."""
    crystals: int
    """Structures that are there, as crystals."""
    hits: Proportion
    """|C| of |R|."""
    undefined: int
    """Structures that are neither hit nor miss."""
    valid: Proportion
    """Of |R|, those that passed the min-distance screen."""
    median_e_above_hull: float | None
    """eV/atom, over the structures that have a hull energy."""
    metastable: Proportion
    """|S| of the structures that have a hull energy."""
    without_hull: int
    """The structures that have none."""
    unique: Proportion
    """|U| of |R|."""
    unique_metastable: Proportion
    """|U∩S| of |U|."""
    original: Proportion
    """|U∩S∩O| of |U∩S|."""
    scout: Proportion
    """SCOUT = |U∩S∩O∩C| of |U∩S∩O|."""
    scout_yield: Proportion
    """Y_SCOUT = |U∩S∩O∩C| of |R|."""
    not_compared: int
    """Structures that `unique` or `novel` have no answer for."""


@dataclass(frozen=True)
class Summary:
    """The arms, and where both exist the comparison of the sampled ones."""

    arms: tuple[ArmSummary, ...]
    enrichment: Comparison | None
    """On |C|/|R|."""
    yields: Comparison | None
    """On Y_SCOUT."""
    control: Comparison | None = None
    """On Y_SCOUT, of the guided arm against known prototypes."""


def summarize(records: Sequence[Record]) -> Summary:
    """Count. Arms appear in the order non-guided, guided, as in Table 1 of the paper."""
    arms = {
        arm: _arm(arm, [r for r in records if r.arm == arm])
        for arm in ARMS
        if any(r.arm == arm for r in records)
    }
    guided, non_guided, control = (arms.get(arm) for arm in ("guided", "non-guided", "prototypes"))
    enrichment = yields = against_control = None
    if guided and non_guided:
        enrichment = compare(guided.hits, non_guided.hits)
        yields = compare(guided.scout_yield, non_guided.scout_yield)
    if guided and control:
        against_control = compare(guided.scout_yield, control.scout_yield)
    return Summary(tuple(arms.values()), enrichment, yields, against_control)


def _arm(arm: Arm, records: Sequence[Record]) -> ArmSummary:
    above_hull = [r for r in records if r.e_above_hull is not None]
    # where no structure has an energy, nobody knows S, nor what is made of it
    nothing = proportion(0, 0)
    u = [r for r in records if r.passed("unique")]
    us = [r for r in u if is_metastable(r)]
    uso = [r for r in us if r.passed("novel")]
    usoc = [r for r in uso if r.hit is True]
    return ArmSummary(
        arm=arm,
        raw=len(records),
        crystals=sum(r.passed("geometry") for r in records),
        hits=_share([r for r in records if r.hit is True], records),
        undefined=sum(r.hit is None for r in records),
        valid=_share([r for r in records if r.passed("screen")], records),
        median_e_above_hull=median(r.e_above_hull for r in above_hull if r.e_above_hull is not None)
        if above_hull
        else None,
        metastable=_share([r for r in records if is_metastable(r)], above_hull),
        without_hull=len(records) - len(above_hull),
        unique=_share(u, records),
        unique_metastable=_share(us, u) if above_hull else nothing,
        original=_share(uso, us) if above_hull else nothing,
        scout=_share(usoc, uso) if above_hull else nothing,
        scout_yield=_share(usoc, records) if above_hull else nothing,
        not_compared=sum(r.value("unique") is None or r.value("novel") is None for r in records),
    )


def _share(some: Sequence[Record], records: Sequence[Record]) -> Proportion:
    inside = {r.id for r in some}
    return proportion(
        len(some),
        len(records),
        design_effect([r.id in inside for r in records], [r.generated.family for r in records]),
    )
