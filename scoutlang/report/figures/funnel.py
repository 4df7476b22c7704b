"""Where the structures of each arm went, set by set, with the reason of every loss: Table 1 of the
paper (arXiv:2604.13354) as a picture.
"""

from __future__ import annotations

import plotly.graph_objects as go

from scoutlang.report.data import ReportData
from scoutlang.report.figures._figure import Drawn, Figure, LeftOut
from scoutlang.report.figures._look import STYLES, canvas, panels, plain
from scoutlang.validation.funnel import Funnel, Step

PLACE = 10

_ROW = 62
# characters of a reason beside its bar; the whole of it is in the caption and under the pointer
_LONGEST = 42


def draw(data: ReportData) -> list[Drawn]:
    name, title = "funnel", "From the raw set to the hits"
    arms = [funnel for funnel in data.funnels if funnel.raw]
    if not arms:
        return [LeftOut(name, title, "The run has no structures.")]
    rows = ["raw, R", *(step.name for step in arms[0].steps)]
    heights = [-k for k in range(len(rows))]
    figure = panels(
        [f"{f.arm} (N = {f.raw})" for f in arms],
        cols=len(arms),
        shared_yaxes=True,
        horizontal_spacing=0.03,
    )
    for column, funnel in enumerate(arms, start=1):
        _add_arm(figure, column, funnel, heights)
    canvas(figure, _ROW * len(rows) + 90, showlegend=False, bargap=0.52, margin={"t": 40, "b": 50})
    figure.update_yaxes(
        tickvals=heights,
        ticktext=rows,
        range=[heights[-1] - 0.45, 0.45],
        showgrid=False,
        ticks="",
        ticklabelstandoff=8,
        showline=False,
    )
    figure.update_xaxes(
        title="structures (% of the arm)", range=[0, 128], tickvals=[0, 25, 50, 75, 100]
    )
    return [Figure(name, title, _caption(arms), figure)]


def _add_arm(figure: go.Figure, column: int, funnel: Funnel, heights: list[int]) -> None:
    kept = [funnel.raw, *(step.kept for step in funnel.steps)]
    figure.add_bar(
        x=[100 * number / funnel.raw for number in kept],
        y=heights,
        orientation="h",
        marker=STYLES[funnel.arm].bars,
        text=[f"{number} ({number / funnel.raw:.0%})" for number in kept],
        textposition="outside",
        cliponaxis=False,
        hovertext=[f"{funnel.raw} structures", *map(_hover, funnel.steps)],
        hovertemplate=f"%{{hovertext}}<extra>{funnel.arm}</extra>",
        row=1,
        col=column,
    )
    for height, step in zip(heights[1:], funnel.steps, strict=True):
        if step.lost:
            reason, number = max(step.lost.items(), key=lambda item: item[1])
            others = sum(step.lost.values()) - number
            text = plain(f"− {number}: {reason}", _LONGEST) + (
                f", {others} for other reasons" if others else ""
            )
            figure.add_annotation(
                x=0, y=height + 0.5, xanchor="left", text=text, font={"size": 11}, row=1, col=column
            )


def _hover(step: Step) -> str:
    said = [f"− {number}: {plain(reason, 200)}" for reason, number in step.lost.items()]
    return "<br>".join([f"{plain(step.name)}: {step.kept}", *said])


def _caption(arms: list[Funnel]) -> str:
    parts = ["Structures of each arm that are left after every step, and why the others are not."]
    for funnel in arms:
        steps = []
        for step in funnel.steps:
            lost = ", ".join(f"{number} {reason}" for reason, number in step.lost.items())
            steps.append(f"{step.kept} {step.name}" + (f" (without {lost})" if lost else ""))
        parts.append(f"{funnel.arm}: {funnel.raw} raw; {'; '.join(steps)}.")
    return " ".join(parts)
