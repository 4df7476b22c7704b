"""Where the structures of an arm went: R → U → S → O → C, every one that is lost with its reason.
The steps add up to |R|.

The order is that of Table 1 of the paper (arXiv:2604.13354, section 3.6), with the structures that
are no crystals at all taken out first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scoutlang.ir import Arm
from scoutlang.validation.hull import METASTABLE
from scoutlang.validation.record import Record
from scoutlang.validation.summary import is_metastable


@dataclass(frozen=True)
class Step:
    """name: of the set that is left after it; kept: how many those are. lost: reason → structures
    that it took out of the set before.
    """

    name: str
    kept: int
    lost: dict[str, int]


@dataclass(frozen=True)
class Funnel:
    """raw: |R|. For every step: kept + sum of lost = kept of the step before."""

    arm: Arm
    raw: int
    steps: tuple[Step, ...]


def funnels(records: Sequence[Record]) -> tuple[Funnel, ...]:
    """One for each arm that has records, in the order of the records."""
    return tuple(
        _funnel(arm, [r for r in records if r.arm == arm])
        for arm in dict.fromkeys(r.arm for r in records)
    )


def left_at(record: Record) -> tuple[str, str] | None:
    """The first set that a structure is not in, and why; None for one that is in all of them."""
    return next(
        ((name, reason(record)) for name, inside, reason in _STEPS if not inside(record)), None
    )


def _funnel(arm: Arm, records: Sequence[Record]) -> Funnel:
    left, steps = list(records), []
    for name, inside, reason in _STEPS:
        lost = Counter(reason(r) for r in left if not inside(r))
        left = [r for r in left if inside(r)]
        steps.append(Step(name, len(left), dict(lost.most_common())))
    return Funnel(arm, len(records), tuple(steps))


def _because(stage: str, failed: str) -> Callable[[Record], str]:
    """The stage's own reason where it has no answer; where it says no, the one reason that all
    share, so that they can be counted together.
    """

    def reason(record: Record) -> str:
        outcome = record.outcomes.get(stage)
        if outcome is None:
            return f"{stage} did not run"
        return (
            failed if failed and outcome.status == "failed" and outcome.values else outcome.reason
        )

    return reason


def _unstable(record: Record) -> str:
    if record.e_above_hull is None:
        outcomes = [
            record.outcomes[stage] for stage in ("energy", "hull") if stage in record.outcomes
        ]
        return next((o.reason for o in outcomes if o.status != "passed"), "hull did not run")
    return f"more than {METASTABLE:g} eV/atom above the hull"


_STEPS: tuple[tuple[str, Callable[[Record], bool], Callable[[Record], str]], ...] = (
    ("crystals", lambda r: r.passed("geometry"), _because("geometry", "")),
    ("unique, U", lambda r: r.passed("unique"), _because("unique", "the same as another one")),
    ("metastable, U ∩ S", is_metastable, _unstable),
    ("original, U ∩ S ∩ O", lambda r: r.passed("novel"), _because("novel", "in the reference set")),
    ("hits, U ∩ S ∩ O ∩ C", lambda r: r.hit is True, _because("hits", "")),
)
