"""What a run says about its hypothesis, in sentences that a referee would sign."""

from __future__ import annotations

from scoutlang.ir import SAMPLED, Program
from scoutlang.report.data import ReportData
from scoutlang.validation.statistics import Proportion
from scoutlang.validation.summary import Summary
from scoutlang.validation.table import percent, significance
from scoutlang.validation.terms import CHANCE


def conclusion(data: ReportData) -> str:
    """The verdict on the structures as they were sampled, and what came of relaxing them."""
    said = verdict(data.program, data.validation.table())
    return f"{said} {_after_relaxing(data)}" if data.relaxations else said


def verdict(program: Program, summary: Summary) -> str:
    """Hits with guidance against hits without, with test, p and N; or why there is no such
    comparison.

    Guidance is said to raise the share of hits only where Fisher's exact test, which holds for
    small counts too, gives less than `CHANCE`.
    """
    arms = {arm.arm: arm for arm in summary.arms if arm.raw and arm.arm in SAMPLED}
    if not arms:
        return "There is no structure in this run yet, so there is nothing to judge."
    if not program.requirements and program.formula is None:
        return (
            "The hypothesis requires nothing, so there are no hits to count: "
            "it only says what is preferred or expected."
        )
    if len(arms) == 1:
        [(name, only)] = arms.items()
        other = "non-guided" if name == "guided" else "guided"
        return (
            f"{_hits(only.hits)} {name} structures are hits; "
            f"without a {other} arm this run cannot say what guidance does."
        )
    guided, plain, test = arms["guided"].hits, arms["non-guided"].hits, summary.enrichment
    counts = f"{_hits(guided)} guided against {_hits(plain)} non-guided structures are hits"
    if test is None or test.p_fisher is None or guided.fraction is None or plain.fraction is None:
        return f"{counts}; there is no test between them."
    if guided.count == plain.count == 0:
        return (
            f"No structure of either arm is a hit (of {guided.total} guided and "
            f"{plain.total} non-guided ones): the run shows no effect of guidance."
        )
    found = significance(test)
    if test.p_fisher < CHANCE:
        return f"Guidance raised the share of hits: {counts}, {found}."
    if guided.fraction > plain.fraction:
        return (
            f"{counts}: more with guidance, but a difference that chance alone may make, {found}."
        )
    return f"Guidance did not raise the share of hits: {counts}, {found}."


def _after_relaxing(data: ReportData) -> str:
    """How many candidates there are, and how many of them other potentials confirm; or why there
    are none.
    """
    found = data.shortlist
    if not found:
        return f"After relaxing there are {data.no_candidates or 'no candidates'}."
    one = len(found) == 1
    many = "there is 1 candidate" if one else f"there are {len(found)} candidates"
    asked = [candidate for candidate in found if candidate.seconds]
    if not asked:
        return f"After relaxing {many}."
    confirmed = sum(candidate.confirmed is True for candidate in asked)
    names = " and ".join(second.potential for second in asked[0].seconds)
    how_many = ("" if confirmed else "not ") if one else f"{confirmed or 'none'} of them "
    return f"After relaxing {many}, {how_many}confirmed by {names}."


def _hits(share: Proportion) -> str:
    return f"{share.count} of {share.total} ({percent(share)})"
