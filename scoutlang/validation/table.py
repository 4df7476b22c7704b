"""The validation as a table for the terminal. Renders only: every number comes from
`Validation.table`.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoutlang.support.screen import Screen
from scoutlang.validation.hull import METASTABLE
from scoutlang.validation.matching import SCALED
from scoutlang.validation.pipeline import Validation
from scoutlang.validation.statistics import Comparison, Proportion
from scoutlang.validation.summary import ArmSummary, Summary
from scoutlang.validation.terms import Hardest, TermShare, TermSummary

_NOTHING = "–"
LEFT: dict[str, Any] = {"title_justify": "left", "title_style": "bold"}
"""How titles of tables stand."""

_ROWS: tuple[tuple[str, Callable[[ArmSummary], str]], ...] = (
    ("raw set |R|", lambda arm: str(arm.raw)),
    ("hits |C|", lambda arm: str(arm.hits.count)),
    ("|C|/|R| (95 % interval)", lambda arm: percent(arm.hits, interval=True)),
    ("undefined", lambda arm: str(arm.undefined)),
    ("min-distance validity", lambda arm: percent(arm.valid)),
    (
        "median energy above hull",
        lambda arm: (
            _NOTHING
            if arm.median_e_above_hull is None
            else f"{arm.median_e_above_hull:.3f} eV/atom"
        ),
    ),
    (f"within {METASTABLE:g} eV/atom of hull, S", lambda arm: percent(arm.metastable, of=True)),
    ("unique, U", lambda arm: percent(arm.unique)),
    ("U ∩ S, of U", lambda arm: percent(arm.unique_metastable, of=True)),
    ("original, U ∩ S ∩ O, of U ∩ S", lambda arm: percent(arm.original, of=True)),
    ("SCOUT, hits of U ∩ S ∩ O", lambda arm: percent(arm.scout, of=True)),
    ("Y_SCOUT, of |R| (95 % interval)", lambda arm: percent(arm.scout_yield, interval=True)),
)


def render_table(
    validation: Validation, files: Sequence[Path] = (), *, geometry: str = "unrelaxed"
) -> RenderableType:
    """Both arms side by side, the test between them, what the energies rest on, and where ``files``
    are. geometry: of the structures.
    """
    summary = validation.table()
    table = Table()
    table.add_column("")
    for arm in summary.arms:
        table.add_column(arm.arm, justify="right")
    for name, cells in table_rows(summary):
        table.add_row(name, *cells)
    lines = table_notes(validation, geometry)
    if files:
        lines.append(f"files in {files[0].parent}: {', '.join(file.name for file in files)}")
    return Group(table, Text("\n".join(lines)))


def _height(arm: ArmSummary) -> str:
    return _NOTHING if arm.median_e_above_hull is None else f"{arm.median_e_above_hull:.3f}"


GEOMETRY_COLUMNS: tuple[tuple[str, Callable[[ArmSummary], str]], ...] = (
    ("crystals", lambda arm: f"{arm.crystals}/{arm.raw}"),
    ("hits", lambda arm: str(arm.hits.count)),
    ("eV/atom", _height),
    ("S", lambda arm: str(arm.metastable.count)),
    ("U∩S∩O", lambda arm: str(arm.original.count)),
    ("candidates", lambda arm: f"{arm.scout.count} ({percent(arm.scout_yield)})"),
)
"""Columns of the table from hits to candidates: their headings, and their cells for an arm."""


def render_geometries(geometries: Mapping[str, Validation], folder: Path) -> RenderableType:
    """What is left of the same structures in each geometry, by its title, in a row for each arm,
    and the test between the arms. The geometries are never mixed. folder: where they are.
    """
    table = Table(title="from hits to candidates", box=box.SIMPLE_HEAD, **LEFT)
    table.add_column("")
    for name, _ in GEOMETRY_COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    notes = ["candidates guided > the other arm (Fisher's exact test):"]
    for title, validation in geometries.items():
        summary = validation.table()
        table.add_row(Text(title, style="bold"))
        for arm in summary.arms:
            table.add_row(f"  {arm.arm}", *(cell(arm) for _, cell in GEOMETRY_COLUMNS))
        tests = {"non-guided": summary.yields, "prototypes": summary.control}
        said = [
            f"{p_value(test.p_fisher)} ({arm})"
            for arm, test in tests.items()
            if test is not None and test.p_fisher is not None
        ]
        if said:
            notes.append(f"  {title}: {', '.join(said)}")
    notes = notes if len(notes) > 1 else []
    notes += [
        "crystals: structures that are there in this geometry; eV/atom: median height above the"
        f" hull; S: within {METASTABLE:g} of it; U∩S∩O: unique and new, too; candidates: and hits",
        f"relaxed structures and their records in {folder}",
    ]
    return Group(table, Text("\n".join(notes)))


def as_text(what: RenderableType, width: int = 120) -> str:
    """A table as plain text, no wider than ``width`` columns."""
    console = Screen(
        file=io.StringIO(),
        width=width,
        force_terminal=False,
        force_jupyter=False,
        highlight=False,
    )
    with console.capture() as capture:
        console.print(what)
    return "\n".join(line.rstrip() for line in capture.get().splitlines() if line.strip())


def table_rows(summary: Summary) -> list[tuple[str, list[str]]]:
    """The table as text, wherever it is shown: what a row counts, and its cell in every arm of the
    summary.
    """
    return [(name, [cell(arm) for arm in summary.arms]) for name, cell in _ROWS]


def table_notes(validation: Validation, geometry: str = "unrelaxed") -> list[str]:
    """What stands below the table: the tests between the arms, what has no answer and why, and what
    the energies rest on.
    """
    summary = validation.table()
    return [
        *_comparison(summary),
        *_relatives(summary),
        *_without_hull(validation),
        *_not_compared(summary),
        *_scaled(validation),
        *_noble(validation),
        *_of_files(validation),
        _basis(validation, geometry),
    ]


def _scaled(validation: Validation) -> list[str]:
    """How many structures are no new crystal by their shape alone."""
    stages = ("unique", "novel")
    number = sum(
        any(SCALED in r.outcomes[stage].reason for stage in stages if stage in r.outcomes)
        for r in validation.records
    )
    line = f"{number} structures are the same as another, or known, only {SCALED}"
    return [line] if number else []


_NOBLE = frozenset({"He", "Ne", "Ar", "Kr", "Xe", "Rn"})


def _noble(validation: Validation) -> list[str]:
    """That energies of what hardly exists are hardly known."""
    doubtful = [
        record
        for record in validation.records
        if record.e_above_hull is not None
        and record.generated.structure is not None
        and record.structure.composition.chemical_system_set & _NOBLE
        and len(record.structure.composition) > 1
    ]
    line = (
        f"{len(doubtful)} structures are compounds of a noble gas, of which a potential has seen"
        " hardly any: their heights above the hull are doubtful"
    )
    return [line] if doubtful else []


def _of_files(validation: Validation) -> list[str]:
    """What is said of structures whose files say something else than their atoms."""
    noted = [record for record in validation.records if record.generated.doubts]
    if not noted:
        return []
    first = noted[0].generated
    return [
        f"{len(noted)} with notes of their files (column notes of the records), the first"
        f" {first.name}: {'; '.join(first.doubts)}"
    ]


def render_terms(terms: Sequence[TermSummary], hardest: Hardest | None) -> RenderableType:
    """Each line of the hypothesis by itself, in both arms, and which `require` is hard."""
    if not terms:
        return Text("")
    table = Table()
    table.add_column("satisfied, of |R|")
    for share in terms[0].shares:
        table.add_column(share.arm, justify="right")
    for term in terms:
        table.add_row(Text(term.text), *(share_satisfied(share) for share in term.shares))
    return Group(table, Text("\n".join(hard_line(hardest) if hardest else [])))


def _name(term: TermSummary) -> str:
    """``tetrahedron (CN(Cu-P) = 4)``, or the claim alone where the user gave it no name."""
    claim = term.text.removeprefix(term.verb).strip()
    unnamed = claim.removeprefix(f"{term.label}:").strip()
    return claim if unnamed == claim else f"{term.label} ({unnamed})"


def share_satisfied(share: TermShare) -> str:
    """``67.7%``, with the share that has no value where there is one."""
    undefined = f" ({percent(share.undefined)} undefined)" if share.undefined.count else ""
    return f"{percent(share.satisfied)}{undefined}"


def hard_line(hardest: Hardest) -> list[str]:
    """Which line is the hard one, and in a second line what may help."""
    term, beside = hardest.term, hardest.beside
    guided = term.share("guided")
    assert guided is not None
    share = percent(guided.satisfied)
    line = f"hardest: {_name(term)}: satisfied by {share} of the guided structures"
    if beside is not None and beside.total:
        line += f", and by {beside.count} of the {beside.total} that satisfy everything else"
    return [line, *([f"  {hardest.advice}"] if hardest.advice else [])]


def percent(proportion: Proportion, *, interval: bool = False, of: bool = False) -> str:
    """``32.3%``, with its interval or its whole if asked for; a dash where the whole is empty."""
    if proportion.fraction is None or proportion.low is None or proportion.high is None:
        return _NOTHING
    text = f"{proportion.fraction:.1%}"
    if interval:
        text += f" ({proportion.low:.1%} – {proportion.high:.1%})"
    return f"{text} of {proportion.total}" if of else text


def _comparison(summary: Summary) -> list[str]:
    return [
        f"guided > non-guided in {name}: {significance(test)}"
        for name, test in (("|C|/|R|", summary.enrichment), ("Y_SCOUT", summary.yields))
        if test is not None and test.p_fisher is not None
    ]


def significance(test: Comparison) -> str:
    """Both p-values, each with the name of its test."""
    z = "undefined (all or none in both arms)" if test.p_z is None else p_value(test.p_z)
    fisher = _NOTHING if test.p_fisher is None else p_value(test.p_fisher)
    return f"{z} (one-sided two-proportion z-test), {fisher} (Fisher's exact test)"


def _not_compared(summary: Summary) -> list[str]:
    count = sum(arm.not_compared for arm in summary.arms)
    line = (
        f"{count} structures could not be compared with the others or with the reference,"
        " and are in no U or no O"
    )
    return [line] if count else []


def p_value(value: float) -> str:
    """``p = 2.6e-09``; below 1e-12 the digits mean nothing."""
    return "p < 1e-12" if value < 1e-12 else f"p = {value:.2g}"


def _without_hull(validation: Validation) -> list[str]:
    """Structures that passed the screens and have no height above the hull, by reason; and what the
    hull itself lacks.
    """
    asked = [
        [r.outcomes[s] for s in ("energy", "hull") if s in r.outcomes]
        for r in validation.records
        if r.e_above_hull is None
    ]
    reasons = Counter(
        next((o.reason for o in outcomes if o.status in ("failed", "undefined")), "")
        for outcomes in asked
    )
    lines = [
        f"{count} structures without hull energy: {reason}"
        for reason, count in reasons.most_common()
        if reason
    ]
    lacking = [int(n) for r in validation.records if (n := r.number("hull_lacks"))]
    if lacking:
        lines.append(
            f"the hulls of {len(lacking)} structures lack up to {max(lacking)} known crystals that"
            " have no energy: heights are lower bounds"
        )
    return lines


def _relatives(summary: Summary) -> list[str]:
    """That p and intervals do not follow from the printed counts alone, where they do not."""
    return [
        f"{arm.arm}: structures descend from one another; for p and interval of |C|/|R| they count"
        f" as {arm.raw / arm.hits.design:.0f} independent ones"
        for arm in summary.arms
        if arm.hits.design > 1
    ]


def _basis(validation: Validation, geometry: str) -> str:
    basis = validation.provenance
    reference = f"{basis.reference} ({basis.reference_version[:8]})"
    return f"energies: {basis.potential}, {geometry}; hull: {reference}, by the same potential"
