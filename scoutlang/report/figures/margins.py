"""By how much each term is satisfied or missed, structure by structure, in both arms."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from scoutlang.ir import Arm, Wish
from scoutlang.report.data import ReportData
from scoutlang.report.figures._figure import Drawn, Figure, LeftOut
from scoutlang.report.figures._look import STYLES, canvas, panels, plain
from scoutlang.report.figures._terms import pooled_range
from scoutlang.support.colours import TARGET
from scoutlang.validation.record import by_arm

PLACE = 50

_ROW = 118
_ARMS: tuple[Arm, ...] = ("prototypes", "guided", "non-guided")  # from below


def draw(data: ReportData) -> list[Drawn]:
    name, title = "margins", "Margin of every term"
    terms = [
        term
        for term in data.program.terms
        if term.verb != "prefer" and not isinstance(term.claim, Wish)
    ]
    here = by_arm(data.validation.records)
    arms = [arm for arm in _ARMS if arm in here]
    margins = {
        term.label: {
            arm: [m for r in here[arm] if (m := r.term(term.label).margin) is not None]
            for arm in arms
        }
        for term in terms
    }
    shown = [term for term in terms if any(margins[term.label].values())]
    if not shown:
        return [LeftOut(name, title, "No term has a margin on any structure.")]
    figure = panels(
        [plain(term.text) for term in shown],
        rows=len(shown),
        vertical_spacing=min(0.16, 0.45 / len(shown)),
    )
    for row, term in enumerate(shown, start=1):
        _add_term(figure, row, margins[term.label], arms)
    canvas(figure, _ROW * len(shown) + 110, showlegend=False, margin={"t": 40, "l": 90})
    figure.update_xaxes(title="margin (0 and more: satisfied)", row=len(shown))
    totals = {arm: len(here[arm]) for arm in arms}
    said = [_says(term.label, margins[term.label], totals) for term in terms]
    caption = (
        "Margin of every require and expect by the exact evaluators, dimensionless: "
        "0 is the edge, 1 the target of an equality. Box: quartiles and median; "
        "whiskers to 1.5 times their distance; dots: structures, spread to be seen. "
        + " ".join(said)
    )
    return [Figure(name, title, caption, figure)]


def _add_term(
    figure: go.Figure, row: int, margins: dict[Arm, list[float]], arms: Sequence[Arm]
) -> None:
    for arm in arms:
        style = STYLES[arm]
        figure.add_box(
            x=margins[arm],
            name=arm,
            orientation="h",
            boxpoints="all",
            jitter=0.6,
            pointpos=0,
            width=0.7,
            marker={
                "color": style.colour,
                "symbol": f"{style.symbol}-open",
                "size": 4,
                "opacity": 0.7,
            },
            line={"color": style.colour, "width": 1.6},
            fillcolor=style.fill,
            hoveron="points",
            hovertemplate=f"%{{x:.3g}}<extra>{arm}</extra>",
            row=row,
            col=1,
        )
    low, high = pooled_range([v for values in margins.values() for v in values], [0.0], share=0.95)
    figure.update_xaxes(range=[low, high], row=row, col=1)
    figure.add_vline(x=0, line={"color": TARGET, "width": 2}, row=row, col=1)


def _says(label: str, margins: dict[Arm, list[float]], totals: dict[Arm, int]) -> str:
    parts = []
    for arm, total in reversed(totals.items()):
        values = margins[arm]
        beyond = f", {total - len(values)} undefined" if total > len(values) else ""
        parts.append(f"{arm} {sum(v >= 0 for v in values)} of {total} at 0 or more{beyond}")
    return f"{label}: {'; '.join(parts)}."
