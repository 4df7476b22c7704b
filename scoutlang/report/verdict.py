"""What a run says about its hypothesis, in one sentence that a referee would sign."""

from __future__ import annotations

from scoutlang.ir import Program
from scoutlang.validation.statistics import Proportion
from scoutlang.validation.summary import Summary
from scoutlang.validation.table import percent, significance
from scoutlang.validation.terms import CHANCE


def verdict(program: Program, summary: Summary) -> str:
    """Hits with guidance against hits without, with test, p and N; or why there is no such
    comparison.

    Guidance is said to raise the share of hits only where Fisher's exact test, which holds for
    small counts too, gives less than `CHANCE`.
    """
    arms = {arm.arm: arm for arm in summary.arms if arm.raw}
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


def _hits(share: Proportion) -> str:
    return f"{share.count} of {share.total} ({percent(share)})"
