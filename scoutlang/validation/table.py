"""The validation as a table for the terminal. Renders only: every number comes from `Validation.table`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoutlang.validation.metrics import Proportion
from scoutlang.validation.pipeline import Validation
from scoutlang.validation.summary import METASTABLE, ArmSummary, Summary

_NOTHING = "–"

_ROWS: tuple[tuple[str, Callable[[ArmSummary], str]], ...] = (
    ("raw set |R|", lambda arm: str(arm.raw)),
    ("hits |C|", lambda arm: str(arm.hits.count)),
    ("|C|/|R| (95 % interval)", lambda arm: _percent(arm.hits, interval=True)),
    ("undefined", lambda arm: str(arm.undefined)),
    ("min-distance validity", lambda arm: _percent(arm.valid)),
    ("median energy above hull", lambda arm: _NOTHING if arm.median_e_above_hull is None else f"{arm.median_e_above_hull:.3f} eV/atom"),
    (f"within {METASTABLE:g} eV/atom of hull", lambda arm: _percent(arm.metastable, of=True)),
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
    lines = [*_comparison(summary), *_without_hull(validation), _basis(validation, geometry)]
    if files:
        lines.append(f"files in {files[0].parent}: {', '.join(file.name for file in files)}")
    return Group(table, Text("\n".join(lines)))


def _percent(proportion: Proportion, *, interval: bool = False, of: bool = False) -> str:
    if proportion.fraction is None or proportion.low is None or proportion.high is None:
        return _NOTHING
    text = f"{proportion.fraction:.1%}"
    if interval:
        text += f" ({proportion.low:.1%} – {proportion.high:.1%})"
    return f"{text} of {proportion.total}" if of else text


def _comparison(summary: Summary) -> list[str]:
    test = summary.enrichment
    if test is None or test.p_fisher is None:
        return []
    z = "undefined (no hit or no miss in either arm)" if test.p_z is None else _p(test.p_z)
    return [f"guided > non-guided in |C|/|R|: {z} (one-sided two-proportion z-test), {_p(test.p_fisher)} (Fisher's exact test)"]


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
