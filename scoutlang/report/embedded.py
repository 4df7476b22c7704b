"""A structure, a candidate, a shortlist or a run in a notebook: the page's own viewer and tables in
a frame that needs nothing else, offline and in a saved notebook too.

The frame is a document of its own (``srcdoc``) in a sandbox: its scripts reach neither the notebook
nor its files, and nothing in a name or a formula can leave it. It is of bounded size, whatever the
run: `MOST` structures of at most `MOST_SITES` atoms are drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch

from markupsafe import escape
from pymatgen.core import Structure

from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import Program
from scoutlang.report.document import document, marked
from scoutlang.report.geometries import Geometry, comparisons, counts, geometries
from scoutlang.report.pictured import picturable, scene
from scoutlang.report.shortlist import (
    HOLDS,
    Candidate,
    Shortlist,
    shortlist,
    shown_value,
    why_none,
)
from scoutlang.runs.judge import Judged
from scoutlang.support.files import followed
from scoutlang.support.showing import Shown
from scoutlang.validation.funnel import left_at
from scoutlang.validation.hull import METASTABLE
from scoutlang.validation.record import Record
from scoutlang.validation.table import GEOMETRY_COLUMNS

MOST = 24
"""Structures in a frame, the best first: about 3 kB for each."""
MOST_SITES = 200
MOST_TEXT = 300
"""Characters of a reason or a name."""

_SCRIPTS = ("colours.js", "viewer.js", "view.js", "notebook.js")
_UNTRUSTED = "the picture is there when the notebook is trusted"
_SANDBOX = "allow-scripts allow-downloads"
_NOT_DFT = (
    "energies by {potential}, an interatomic potential: worth a calculation, no result of one"
)


@dataclass(frozen=True)
class _Row:
    """A structure in the frame."""

    id: str
    title: str
    cells: tuple[str, ...]
    """Of the table, where there is one."""
    facts: Mapping[str, str]
    structure: Structure | None
    reason: str = ""
    """Why there is no structure."""


@singledispatch
def view(shown: Shown) -> str | None:
    """The HTML of something that can be shown; None: its text says it."""
    return None


@view.register
def _(shown: Specimen) -> str:
    facts = {"arm": shown.arm} | ({"note": "; ".join(shown.doubts)} if shown.doubts else {})
    reason = shown.failure or "no structure"
    return _frame([_Row(shown.name, _title(shown), (), facts, shown.structure, reason)], None)


@view.register
def _(shown: Record) -> str:
    return _frame([_of_record(shown)], None)


@view.register
def _(shown: Candidate) -> str:
    return _frame([_of_candidate(shown)], shown.program)


@view.register
def _(shown: Shortlist) -> str | None:
    if not shown:
        return None
    return _frame(
        [_of_candidate(one) for one in shown[:MOST]],
        shown[0].program,
        heading=_count(len(shown)),
        columns=_columns(shown),
        total=len(shown),
    )


@view.register
def _(shown: Judged) -> str | None:
    found = shortlist(shown)
    by = f"{shown.potential.name} {shown.potential.version}"
    name = followed(shown.folder).name
    if found:
        heading, columns = f"{name}: {_count(len(found))}", _columns(found)
        rows, total = [_of_candidate(one) for one in found[:MOST]], len(found)
    else:
        best = sorted((r for r in shown.records if r.generated.structure), key=_best)
        if not best:
            return None
        heading = f"{name}: no candidates, {why_none(shown)}"
        columns = ("formula", "arm", "hit", "eV/atom")
        rows, total = [_of_record(one) for one in best[:MOST]], len(best)
    return _frame(
        rows,
        shown.run.program,
        heading=heading,
        columns=columns,
        total=total,
        note=_NOT_DFT.format(potential=by),
        shown=geometries(shown.validation, shown.relaxations),
    )


def _count(candidates: int) -> str:
    return "1 candidate" if candidates == 1 else f"{candidates} candidates"


def _best(record: Record) -> tuple[bool, float]:
    height = record.e_above_hull
    return record.hit is not True, math.inf if height is None else height


# ---- rows ----


def _title(specimen: Specimen) -> str:
    structure = specimen.structure
    return structure.composition.reduced_formula if structure else specimen.name


def _of_record(record: Record) -> _Row:
    structure = record.generated.structure
    hit = {True: "yes", False: "no", None: "–"}[record.hit]
    facts = {
        "id": record.id,
        "arm": record.arm,
        "hit": hit,
        "above the hull": _energy(record.e_above_hull),
    }
    for outcome in record.outcomes.values():
        for term in outcome.terms:
            mark = {True: " ✓", False: " ✗", None: ""}[term.satisfied]
            facts[term.label] = f"{shown_value(term.exact)}{mark}"
    if (lost := left_at(record)) is not None:
        facts["no candidate"] = f"{lost[0]}: {lost[1]}"
    title = _title(record.generated)
    cells = (title, record.arm, hit, shown_value(record.e_above_hull))
    reason = record.generated.failure or "no structure"
    return _Row(record.id, title, cells, facts, structure, reason)


def _of_candidate(one: Candidate) -> _Row:
    title = f"{one.formula} {one.space_group_symbol or ''}".strip()
    by = {
        f"by {second.potential}": _energy(second.relaxed)
        + {True: " ✓", False: " ✗", None: ""}[second.confirmed]
        for second in one.seconds
    }
    facts = {
        "id": one.id,
        "arm": one.arm,
        "geometry": _GEOMETRIES[one.geometry],
        "above the hull": _energy(one.e_above_hull),
        **by,
        **{label: shown_value(value) for label, value in one.terms.items()},
        "moved in relaxing": "–" if one.moved is None else f"{one.moved:.2f} Å",
        "nearest known": one.nearest or "–",
    }
    cells = (
        str(one.rank),
        one.formula,
        one.space_group_symbol or "–",
        one.arm,
        HOLDS[one.geometry],
        f"{one.e_above_hull:.3f}",
        *(shown_value(value) for value in one.terms.values()),
    )
    return _Row(one.id, title, cells, facts, one.structure)


_GEOMETRIES = {
    "energy": "relaxed by the energy alone",
    "constraint": "relaxed with the constraint",
    "sampled": "as sampled",
}


def _columns(found: Sequence[Candidate]) -> tuple[str, ...]:
    return ("rank", "formula", "group", "arm", "holds", "eV/atom", *found[0].terms)


def _energy(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f} eV/atom"


# ---- the frame ----


def _frame(
    rows: Sequence[_Row],
    program: Program | None,
    *,
    heading: str = "",
    columns: Sequence[str] = (),
    total: int = 1,
    note: str = "",
    shown: Sequence[Geometry] = (),
) -> str:
    """An element of HTML. columns: of the table; without any there is none. shown: whose counts
    stand above it.
    """
    drawn = {
        row.id: row.structure
        for row in rows
        if row.structure is not None
        and picturable(row.structure)
        and len(row.structure) <= MOST_SITES
    }
    data = {
        **scene(drawn, program),
        "rows": [
            {
                "id": _short(row.id),
                "key": row.id,
                "title": _short(row.title),
                "facts": list(_facts(row)),
                "missing": _short(_missing(row)) if row.id not in drawn else "",
            }
            for row in rows
        ],
    }
    text = document(
        "notebook.html",
        _SCRIPTS,
        data,
        title=_short(heading or rows[0].title),
        columns=[_short(name) for name in columns],
        rows=[[_short(cell) for cell in row.cells] for row in rows],
        more=total - len(rows),
        note=note,
        marked=marked,
        metastable=METASTABLE,
        counted=[name for name, _ in GEOMETRY_COLUMNS],
        counts=[
            {"title": one.title, "arms": counts(one), "tests": comparisons(one)} for one in shown
        ],
    )
    height = 700 if columns else 480  # px
    name = escape(_short(heading or rows[0].title))
    # what is inside of the element is seen where a notebook is not trusted and frames are taken out
    return (
        f'<iframe sandbox="{_SANDBOX}" title="{name}" '
        f'style="width:100%;height:{height}px;border:0" srcdoc="{escape(text)}">'
        f"{name} ({_UNTRUSTED})</iframe>"
    )


def _facts(row: _Row) -> Iterator[tuple[str, str]]:
    for name, text in row.facts.items():
        yield _short(name), _short(text)


def _missing(row: _Row) -> str:
    if row.structure is None:
        return row.reason
    if len(row.structure) > MOST_SITES:
        return (
            f"{len(row.structure)} atoms, more than the {MOST_SITES} that are drawn in a notebook"
        )
    return "no crystal that could be drawn"


def _short(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"
