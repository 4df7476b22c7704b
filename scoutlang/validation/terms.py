"""Which line of the hypothesis is the hard one: every term by itself, and what may help.

Hard is the `require` that the smallest share of the guided structures satisfies, by the exact
evaluators, of all that were asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scoutlang.ir import Arm, Program, Term, Wish
from scoutlang.validation.record import Record, by_arm
from scoutlang.validation.statistics import Proportion, compare, proportion

EASY = 0.9
"""A `require` that at least this share satisfies needs no advice."""

VALIDITY_LOSS = 0.03
"""More force is advised as long as guidance has not cost more of the min-distance validity than
this.
"""

CHANCE = 0.05
"""Guidance counts as helping a term where Fisher's one-sided test against the non-guided arm gives
less than this.
"""


@dataclass(frozen=True)
class TermShare:
    """A term in one arm."""

    arm: Arm
    satisfied: Proportion
    """Of |R|."""
    undefined: Proportion
    """Structures on which it is neither true nor false, those that were not made among them."""


@dataclass(frozen=True)
class TermSummary:
    """A term of the program, and its source, in every arm of a validation."""

    label: str
    verb: str
    text: str
    shares: tuple[TermShare, ...]

    def share(self, arm: Arm) -> TermShare | None:
        return next((share for share in self.shares if share.arm == arm), None)


@dataclass(frozen=True)
class Hardest:
    """The hard `require` of the guided arm."""

    term: TermSummary
    beside: Proportion | None
    """Of the guided structures that satisfy every other `require`, those that satisfy this one,
    too; None where it is the only one.
    """
    advice: str
    """What is worth trying, one sentence; empty where nothing is."""


def summarize_terms(program: Program, records: Sequence[Record]) -> tuple[TermSummary, ...]:
    """Every term that can be true or false, in program order; wishes are neither."""
    arms = by_arm(records)
    return tuple(
        TermSummary(
            term.label,
            term.verb,
            term.text,
            tuple(_share(term, arm, members) for arm, members in arms.items()),
        )
        for term in program.terms
        if not isinstance(term.claim, Wish)
    )


def find_hardest(program: Program, records: Sequence[Record]) -> Hardest | None:
    """The hard term, see the module; of equals the first one. None without a guided arm, or where
    nothing is required.
    """
    guided = [r for r in records if r.arm == "guided"]
    required = [term for term in summarize_terms(program, records) if term.verb == "require"]
    if not guided or not required:
        return None
    term = min(required, key=lambda one: sum(r.term(one.label).satisfied is True for r in guided))
    others = [one.label for one in required if one is not term]
    free = [r for r in guided if all(r.term(label).satisfied is True for label in others)]
    beside = (
        proportion(sum(r.term(term.label).satisfied is True for r in free), len(free))
        if others
        else None
    )
    return Hardest(term, beside, _advice(program, records, term, beside))


def _share(term: Term, arm: Arm, records: Sequence[Record]) -> TermShare:
    truths = [record.term(term.label).satisfied for record in records]
    return TermShare(
        arm,
        proportion(truths.count(True), len(truths)),
        proportion(truths.count(None), len(truths)),
    )


def _advice(
    program: Program, records: Sequence[Record], term: TermSummary, beside: Proportion | None
) -> str:
    guided, plain = term.share("guided"), term.share("non-guided")
    assert guided is not None
    satisfied, undefined, total = (
        guided.satisfied.count,
        guided.undefined.count,
        guided.satisfied.total,
    )
    if satisfied >= EASY * total:
        return ""
    lost = sum(not r.passed("geometry") for r in records if r.arm == "guided")
    if 2 * lost >= total - satisfied:
        return (
            "most of the others are no crystals at all (`geometry` in the records says why);"
            " where guidance made them, try a smaller k, or more steps"
        )
    if 2 * undefined >= total - satisfied:
        return (
            "most of the others have no value for it: the atoms or sites that it speaks of are"
            " missing; ask for them with `formula` or `require count(…)`"
        )
    if plain is None:
        return ""  # nothing to tell by what guidance did
    if satisfied * plain.satisfied.total <= plain.satisfied.count * total:
        return (
            f"guidance does not raise it ({_percent(plain.satisfied)} without): see in the trace"
            " (--trace) whether its loss falls, and with `scout measure` whether soft and exact"
            " values agree"
        )
    p = compare(guided.satisfied, plain.satisfied).p_fisher
    if p is not None and p >= CHANCE:
        return (
            f"the difference to {_percent(plain.satisfied)} without guidance may be chance"
            f" (p = {p:.2g}): more structures will tell"
        )
    if (
        beside is not None
        and beside.total
        and beside.count * total < 0.5 * satisfied * beside.total
    ):
        return (
            "the other lines hold least where this one does: they pull against each other;"
            " loosen one of them"
        )
    if len([one for one in program.terms if one.steers]) > 1:
        return "it may deserve more of the force: give its line a larger `weight`"
    price = _validity(records, "non-guided") - _validity(records, "guided")
    if price > VALIDITY_LOSS:
        return (
            f"guidance has cost {price:.0%} of validity already,"
            " so rather more structures than a larger k"
        )
    return "a larger k, or more steps, may help; watch the validity"


def _validity(records: Sequence[Record], arm: Arm) -> float:
    members = [r for r in records if r.arm == arm]
    return sum(r.passed("screen") for r in members) / max(len(members), 1)


def _percent(share: Proportion) -> str:
    return f"{share.count / max(share.total, 1):.0%}"
