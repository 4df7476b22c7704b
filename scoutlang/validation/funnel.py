"""Where the structures of an arm went: R → U → S → O → C, every one that is lost with its reason.
The steps add up to |R|.

The order is that of Table 1 of the paper (arXiv:2604.13354, section 3.6), with the structures that
are no crystals at all taken out first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from scoutlang.ir import Arm
from scoutlang.validation.record import Record, by_arm
from scoutlang.validation.stages import Stage, built_in


@dataclass(frozen=True)
class Step:
    """One set of the funnel."""

    name: str
    """``metastable, U ∩ S``."""
    kept: int
    """How many structures are in it."""
    lost: dict[str, int]
    """Reason → structures of the set before that are not."""


@dataclass(frozen=True)
class Funnel:
    """For every step: kept + sum of lost = kept of the step before."""

    arm: Arm
    raw: int
    """|R|."""
    steps: tuple[Step, ...]


def funnels(records: Sequence[Record]) -> tuple[Funnel, ...]:
    """One for each arm that has records, in the order of the records."""
    return tuple(_funnel(arm, members) for arm, members in by_arm(records).items())


def left_at(record: Record) -> tuple[str, str] | None:
    """The first set that a structure is not in, and why; None for one that is in all of them."""
    steps = _steps().items()
    return next(((name, s.why_lost(record)) for name, s in steps if not s.holds(record)), None)


def _funnel(arm: Arm, records: Sequence[Record]) -> Funnel:
    left, steps = list(records), []
    for name, stage in _steps().items():
        lost = Counter(stage.why_lost(r) for r in left if not stage.holds(r))
        left = [r for r in left if stage.holds(r)]
        steps.append(Step(name, len(left), dict(lost.most_common())))
    return Funnel(arm, len(records), tuple(steps))


@cache
def _steps() -> dict[str, Stage]:
    """The stages whose sets are intersected, by what is left after each: ``metastable, U ∩ S``."""
    stages = {stage.name: stage for stage in built_in()}
    steps, letters = {}, ""
    for stage in (stages[name] for name in ("geometry", "unique", "hull", "novel", "hits")):
        kept, letter = stage.keeps
        letters += f" ∩ {letter}" if letters else letter
        steps[f"{kept}, {letters}" if letters else kept] = stage
    return steps
