"""The validation as a table for the terminal. Renders only: every number comes from `Validation.table`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoutlang.validation.metrics import Comparison, Proportion
from scoutlang.validation.pipeline import Validation
from scoutlang.validation.summary import METASTABLE, ArmSummary, Summary
from scoutlang.validation.terms import Hardest, TermShare, TermSummary

_NOTHING = "–"

_ROWS: tuple[tuple[str, Callable[[ArmSummary], str]], ...] = (
    ("raw set |R|", lambda arm: str(arm.raw)),
    ("hits |C|", lambda arm: str(arm.hits.count)),
    ("|C|/|R| (95 % interval)", lambda arm: _percent(arm.hits, interval=True)),
    ("undefined", lambda arm: str(arm.undefined)),
    ("min-distance validity", lambda arm: _percent(arm.valid)),
    ("median energy above hull", lambda arm: _NOTHING if arm.median_e_above_hull is None else f"{arm.median_e_above_hull:.3f} eV/atom"),
    (f"within {METASTABLE:g} eV/atom of hull, S", lambda arm: _percent(arm.metastable, of=True)),
    ("unique, U", lambda arm: _percent(arm.unique)),
    ("U ∩ S, of U", lambda arm: _percent(arm.unique_metastable, of=True)),
    ("original, U ∩ S ∩ O, of U ∩ S", lambda arm: _percent(arm.original, of=True)),
    ("SCOUT, hits of U ∩ S ∩ O", lambda arm: _percent(arm.scout, of=True)),
    ("Y_SCOUT, of |R| (95 % interval)", lambda arm: _percent(arm.scout_yield, interval=True)),
)


def render_table(validation: Validation, files: Sequence[Path] = (), *, geometry: str = "unrelaxed") -> RenderableType:
    """Both arms side by side, the test between them, what the energies rest on, and where ``files`` are. geometry: of the structures."""
    summary = validation.table()
    table = Table()
    table.add_column("")
    for arm in summary.arms:
        table.add_column(arm.arm, justify="right")
    for name, cell in _ROWS:
        table.add_row(name, *(cell(arm) for arm in summary.arms))
    lines = [*_comparison(summary), *_without_hull(validation), *_not_compared(summary), _basis(validation, geometry)]
    if files:
        lines.append(f"files in {files[0].parent}: {', '.join(file.name for file in files)}")
    return Group(table, Text("\n".join(lines)))


def render_terms(terms: Sequence[TermSummary], hardest: Hardest | None) -> RenderableType:
    """Each line of the hypothesis by itself, in both arms, and which `require` is hard."""
    if not terms:
        return Text("")
    table = Table()
    table.add_column("satisfied, of |R|")
    for share in terms[0].shares:
        table.add_column(share.arm, justify="right")
    for term in terms:
        table.add_row(Text(term.text), *(_share(share) for share in term.shares))
    return Group(table, Text("\n".join(_hard(hardest) if hardest else [])))


def _name(term: TermSummary) -> str:
    """``tetrahedron (CN(Cu-P) = 4)``, or the claim alone where the user gave it no name."""
    claim = term.text.removeprefix(term.verb).strip()
    unnamed = claim.removeprefix(f"{term.label}:").strip()
    return claim if unnamed == claim else f"{term.label} ({unnamed})"


def _share(share: TermShare) -> str:
    undefined = f" ({_percent(share.undefined)} undefined)" if share.undefined.count else ""
    return f"{_percent(share.satisfied)}{undefined}"


def _hard(hardest: Hardest) -> list[str]:
    term, beside = hardest.term, hardest.beside
    guided = term.share("guided")
    assert guided is not None
    line = f"hardest: {_name(term)}: satisfied by {_percent(guided.satisfied)} of the guided structures"
    if beside is not None and beside.total:
        line += f", and by {beside.count} of the {beside.total} that satisfy everything else"
    return [line, *([f"  {hardest.advice}"] if hardest.advice else [])]


def _percent(proportion: Proportion, *, interval: bool = False, of: bool = False) -> str:
    if proportion.fraction is None or proportion.low is None or proportion.high is None:
        return _NOTHING
    text = f"{proportion.fraction:.1%}"
    if interval:
        text += f" ({proportion.low:.1%} – {proportion.high:.1%})"
    return f"{text} of {proportion.total}" if of else text


def _comparison(summary: Summary) -> list[str]:
    return [
        f"guided > non-guided in {name}: {_tests(test)}"
        for name, test in (("|C|/|R|", summary.enrichment), ("Y_SCOUT", summary.yields))
        if test is not None and test.p_fisher is not None
    ]


def _tests(test: Comparison) -> str:
    z = "undefined (all or none in both arms)" if test.p_z is None else _p(test.p_z)
    return f"{z} (one-sided two-proportion z-test), {'–' if test.p_fisher is None else _p(test.p_fisher)} (Fisher's exact test)"


def _not_compared(summary: Summary) -> list[str]:
    count = sum(arm.not_compared for arm in summary.arms)
    return [f"{count} structures could not be compared with the others or with the reference, and are in no U or no O"] if count else []


def _p(value: float) -> str:
    return "p < 1e-12" if value < 1e-12 else f"p = {value:.2g}"


def _without_hull(validation: Validation) -> list[str]:
    reasons = Counter(
        r.outcomes["hull"].reason for r in validation.records if "hull" in r.outcomes and r.outcomes["hull"].status == "undefined"
    )
    return [f"{count} structures without hull energy: {reason}" for reason, count in reasons.most_common()]


def _basis(validation: Validation, geometry: str) -> str:
    basis = validation.provenance
    return f"energies: {basis.potential}, {geometry}; hull: {basis.reference} ({basis.reference_version[:8]}), by the same potential"
