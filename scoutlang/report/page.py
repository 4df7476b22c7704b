"""`ReportData` and figures → one HTML file (`document`)."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from plotly.offline import get_plotlyjs

from scoutlang.ir import Term, Wish
from scoutlang.ir.text import setting_statements
from scoutlang.report.candidates import candidates
from scoutlang.report.citations import citations
from scoutlang.report.data import Crystal, ReportData
from scoutlang.report.document import document, marked, write_document
from scoutlang.report.figures import Drawn, Figure, LeftOut
from scoutlang.report.geometries import Geometry, candidates_in, comparisons, counts
from scoutlang.report.pictured import picturable, scene
from scoutlang.report.shortlist import Candidate, shown_value
from scoutlang.report.verdict import conclusion
from scoutlang.validation.hull import METASTABLE
from scoutlang.validation.record import by_arm
from scoutlang.validation.summary import Summary
from scoutlang.validation.table import (
    GEOMETRY_COLUMNS,
    hard_line,
    share_satisfied,
    table_notes,
    table_rows,
)

PAGE = "report.html"
LIMIT = 2000
"""Crystals that a page draws and offers as CIF, best first: about 2 kB for each geometry."""
CARDS = 12
"""Candidates in the gallery."""

_SCRIPTS = (
    "colours.js",
    "viewer.js",
    "view.js",
    "table.js",
    "geometries.js",
    "gallery.js",
    "figures.js",
    "page.js",
)
_SHOWN_ABOVE = ("source", "program")  # of the manifest
_DIGITS = 6  # significant ones, of numbers in figures


def render(
    data: ReportData,
    figures: Sequence[Drawn],
    *,
    source: Sequence[str] | None = None,
    limit: int = LIMIT,
) -> str:
    """The page. source: the lines of the program as markup that colours them; without it they are
    plain. limit: crystals that it can draw; its table has all of `ReportData.shown`.
    """
    if source is None:
        source = data.program.source_text.split("\n")
    plots = [figure for figure in figures if isinstance(figure, Figure)]
    summary = data.validation.table()
    records = data.validation.records
    return document(
        "page.html",
        _SCRIPTS,
        _content(data, plots, limit),
        library=get_plotlyjs() if plots else "",
        name=data.name,
        about=_about(data),
        marked=marked,
        verdict=conclusion(data),
        advice=hard_line(data.hardest) if data.hardest else [],
        unfinished=_unfinished(data),
        relaxed=len(data.geometries) > 1,
        cards=[_card(one) for one in data.shortlist[:CARDS]],
        more_candidates=max(0, len(data.shortlist) - CARDS),
        asked=", ".join(one.potential for one in data.shortlist[0].seconds)
        if data.shortlist
        else "",
        metastable=METASTABLE,
        counted=[name for name, _ in GEOMETRY_COLUMNS],
        counts=[_counts(one) for one in data.geometries],
        bars=_bars(summary),
        arms=[arm.arm for arm in summary.arms],
        lines=list(_lines(data, source)),
        source_name=data.program.source_name,
        settings=_settings(data),
        rows=table_rows(summary),
        notes=table_notes(data.validation),
        figures=plots,
        left_out=[figure for figure in figures if isinstance(figure, LeftOut)],
        funnels=data.funnels,
        total=len(records),
        shown=len(data.shown),
        manifest=list(_flat(_manifest(data))),
        citations=citations(data),
    )


def write_page(
    file: Path,
    data: ReportData,
    figures: Sequence[Drawn],
    *,
    source: Sequence[str] | None = None,
    limit: int = LIMIT,
    named: bool = False,
) -> Path:
    """The page as a file, whole or not at all. named: as in `write_document`. Raises ScoutError
    E602 where that cannot be.
    """
    text = render(data, figures, source=source, limit=limit)
    return write_document(file, text, named=named)


def _content(data: ReportData, figures: Sequence[Figure], limit: int) -> dict[str, Any]:
    """What the scripts of the page work on."""
    relaxed = data.geometries[1:]
    table = candidates(data.program, data.shown, data.crystals, data.geometries, data.shortlist)
    rank = {row[0]: position for position, row in enumerate(table.rows)}
    best = sorted(data.crystals, key=lambda c: rank.get(c.id, len(rank)))
    drawn = [c for c in best if picturable(c.structure)][:limit]
    found = candidates_in(data.geometries) if relaxed else {}
    return {
        **scene({c.id: c.structure for c in drawn}, data.program),
        "relaxed": {one.name: _relaxed(data, one, drawn) for one in relaxed},
        "geometries": [{"name": one.name, "label": one.label} for one in data.geometries],
        "candidates": {id_: best[0].name for id_, best in found.items()},
        "columns": [asdict(column) for column in table.columns],
        "rows": _plain(table.rows),
        "known": _plain(table.known),
        "undrawn": _undrawn(data.crystals, drawn),
        "figures": [{"name": figure.name, **_plot(figure.plot)} for figure in figures],
    }


def _relaxed(data: ReportData, geometry: Geometry, drawn: Sequence[Crystal]) -> dict[str, Any]:
    """The drawn crystals that were relaxed in this way: pictures by id, and CIF files."""
    after = {c.id: geometry.records[c.id].structure for c in drawn if c.id in geometry.records}
    before = {c.id: c.structure for c in drawn}
    found = scene({id_: s for id_, s in after.items() if picturable(s)}, data.program, before)
    return {part: found[part] for part in ("structures", "cifs")}


def _card(one: Candidate) -> dict[str, Any]:
    """A candidate as the gallery has it."""
    return {
        "id": one.id,
        "rank": one.rank,
        "formula": one.formula,
        "group": one.space_group_symbol,
        "holds": "constrained" if one.geometry == "constraint" else "by itself",
        "height": f"{one.e_above_hull:.3f}".replace("-", "−"),
        "seconds": [
            {
                "potential": second.potential,
                "height": _short(second.relaxed),
                "confirmed": second.confirmed,
            }
            for second in one.seconds
        ],
        "terms": {label: _short(value) for label, value in one.terms.items()},
        "moved": _short(one.moved),
        "swollen": _short(one.swollen),
        "nearest": one.nearest,
    }


def _short(value: float | bool | None) -> str:
    return shown_value(value).replace("-", "−")


def _counts(geometry: Geometry) -> dict[str, Any]:
    """What is left of the structures in one geometry."""
    return {"title": geometry.title, "arms": counts(geometry), "tests": comparisons(geometry)}


def _undrawn(crystals: Sequence[Crystal], drawn: Sequence[Crystal]) -> dict[str, str]:
    """id → why there is no picture of a crystal that has a structure."""
    shown = {c.id for c in drawn}
    return {
        c.id: "left out to keep the page small (--limit)"
        if picturable(c.structure)
        else "no crystal that could be drawn"
        for c in crystals
        if c.id not in shown
    }


def _plot(plot: Any) -> dict[str, Any]:
    """Traces and layout of a plotly figure as plain data, wide as the page lets it be."""
    found = _plain(plot.to_plotly_json())
    found["layout"].pop("width", None)
    return {"data": found["data"], "layout": found["layout"]}


def _plain(value: Any) -> Any:
    """Arrays, also those that plotly packs as bytes, as lists; numbers with the digits that a
    figure can show; what is not finite as null.
    """
    if isinstance(value, Mapping):
        if value.keys() >= {"bdata", "dtype"}:
            packed = np.frombuffer(base64.b64decode(value["bdata"]), dtype=np.dtype(value["dtype"]))
            shape = [int(n) for n in str(value.get("shape") or packed.size).split(",")]
            return _plain(packed.reshape(shape).tolist())
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value


def _unfinished(data: ReportData) -> str:
    """What is missing of a run that goes on, or stopped on its way."""
    if data.manifest.status == "finished":
        return ""
    planned = data.program.sample.count
    here = by_arm(data.validation.records)
    done = [f"{len(here.get(arm, ()))} of {planned} {arm}" for arm in data.manifest.arms]
    return (
        f"This run is not finished: {' and '.join(done)} structures are here. "
        "Every number on this page is of these, and will change."
    )


def _settings(data: ReportData) -> list[str]:
    """What the run was sampled with; structures that were given were not sampled."""
    if data.manifest.given is not None:
        return []
    return setting_statements(data.program, guided="guided" in data.manifest.arms)


def _about(data: ReportData) -> str:
    """What was done, when and with what, in a line; a run of given structures has no model."""
    manifest, basis = data.manifest, data.validation.provenance
    sample, model = data.program.sample, manifest.model
    relaxed = len(data.geometries) > 1
    parts = [
        manifest.started[:10],
        data.program.source_name,
        f"model {model.name}, {sample.steps} steps, seed {sample.seed}" if model else "",
        f"energies {basis.potential}, {'as sampled and relaxed' if relaxed else 'unrelaxed'}",
        f"reference {basis.reference}",
        f"scoutlang {manifest.scoutlang}",
    ]
    return " · ".join(part for part in parts if part)


def _bars(summary: Summary) -> list[dict[str, Any]]:
    """Share of hits of each arm with its interval, in percent of the width."""
    return [
        {
            "arm": arm.arm,
            "count": arm.hits.count,
            "total": arm.hits.total,
            "share": round(100 * arm.hits.fraction, 2),
            "low": round(100 * arm.hits.low, 2),
            "high": round(100 * arm.hits.high, 2),
        }
        for arm in summary.arms
        if arm.hits.fraction is not None and arm.hits.low is not None and arm.hits.high is not None
    ]


def _lines(data: ReportData, source: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The program line by line, with what was found for the terms that stand there; without the
    empty lines at its end.
    """
    count = len(data.program.source_text.rstrip().split("\n"))
    for number, code in enumerate(source[:count], start=1):
        terms = [term for term in data.program.terms if term.location.line == number]
        yield {"number": number, "code": code, "results": [_result(data, term) for term in terms]}


def _result(data: ReportData, term: Term) -> dict[str, Any]:
    """What both arms say about a term: the share that satisfies it with the median margin, or for a
    wish the median of its value.
    """
    summary = next((one for one in data.terms if one.label == term.label), None)
    wish = term.claim if isinstance(term.claim, Wish) else None
    cells = {}
    for arm, members in by_arm(data.validation.records).items():
        share = summary and summary.share(arm)
        measured = [record.term(term.label) for record in members]
        values = [one.exact if wish else one.margin for one in measured]
        found = [value for value in values if value is not None]
        cells[arm] = {
            "share": share and share_satisfied(share),
            "middle": f"{median(found):.3g}".replace("-", "−") if found else None,
        }
    return {
        "label": term.label,
        "wish": bool(wish),
        "unit": wish.unit if wish else "",
        "arms": cells,
    }


def _manifest(data: ReportData) -> dict[str, Any]:
    """What the run says of itself, as far as there is something to say."""
    said = data.manifest.to_data()
    if data.relaxations:
        said["relaxed"] = {one.name: one.recipe.model_dump() for one in data.relaxations}
    return {k: v for k, v in said.items() if v is not None and k not in _SHOWN_ABOVE}


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Plain data as rows: ``model.weights_sha256`` and its value."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        yield name, ", ".join(map(str, value)) or "–"
    else:
        yield name, "–" if value in (None, "", {}) else str(value)
