"""Where the structures of each arm went, set by set, with the reason of every loss: Table 1 of the
paper (arXiv:2604.13354) as a picture.
"""

from __future__ import annotations

from textwrap import wrap

import plotly.graph_objects as go

from scoutlang.report.data import ReportData
from scoutlang.report.figures._figure import Drawn, Figure, LeftOut
from scoutlang.report.figures._look import STYLES, canvas, plain
from scoutlang.validation.funnel import Funnel, Step

PLACE = 10

_COLUMNS = 46
"""Letters in a line of text: with these it fits on a phone of 360 pixels."""

# Heights in pixels: of the name of a set, of a bar, of a line of text below it, between two bars.
_NAME, _BAR, _LINE, _GAP = 24, 10, 15, 9
_ABOVE, _BELOW = 40, 50


def draw(data: ReportData) -> list[Drawn]:
    name, title = "funnel", "From the raw set to the hits"
    arms = [funnel for funnel in data.funnels if funnel.raw]
    if not arms:
        return [LeftOut(name, title, "The run has no structures.")]
    figure = go.Figure()
    y = 0
    for steps in zip(*map(_steps, arms), strict=True):
        _write(figure, y, f"<b>{plain(steps[0].name)}</b>", size=13)
        y += _NAME
        for funnel, step in zip(arms, steps, strict=True):
            _add_bar(figure, y, funnel, step)
            y += _BAR
            lines = wrap(_said(funnel, step), _COLUMNS)
            _write(figure, y, "<br>".join(plain(line) for line in lines), size=11)
            y += _LINE * len(lines) + _GAP
    canvas(
        figure,
        y + _ABOVE + _BELOW,
        showlegend=False,
        barmode="overlay",
        margin={"l": 10, "r": 10, "t": _ABOVE, "b": _BELOW},
    )
    figure.update_yaxes(range=[y, 0], visible=False)
    figure.update_xaxes(
        title="structures (% of the arm)", range=[0, 103], tickvals=[0, 25, 50, 75, 100]
    )
    return [Figure(name, title, _caption(arms), figure)]


def _steps(funnel: Funnel) -> list[Step]:
    """The raw set, and the sets of the funnel."""
    return [Step("raw, R", funnel.raw, {}), *funnel.steps]


def _add_bar(figure: go.Figure, y: int, funnel: Funnel, step: Step) -> None:
    figure.add_bar(
        x=[100 * step.kept / funnel.raw],
        y=[y + _BAR / 2],
        width=[_BAR],
        orientation="h",
        marker=STYLES[funnel.arm].bars,
        hovertemplate=f"{plain(step.name)}: {step.kept} of {funnel.raw}<extra>{funnel.arm}</extra>",
    )


def _write(figure: go.Figure, y: int, text: str, size: int) -> None:
    """Text at the left, below the height y."""
    figure.add_annotation(
        x=0, y=y, xanchor="left", yanchor="top", align="left", text=text, font={"size": size}
    )


def _said(funnel: Funnel, step: Step) -> str:
    """What is left, and why the others are not: the reason that most have, whole, and how many have
    others.
    """
    said = f"{funnel.arm}: {step.kept} ({step.kept / funnel.raw:.0%})"
    if step.lost:
        reason, number = max(step.lost.items(), key=lambda item: item[1])
        said += f"; lost {number}: {reason}"
        if others := sum(step.lost.values()) - number:
            said += f"; {others} for other reasons"
    return said


def _caption(arms: list[Funnel]) -> str:
    parts = ["Structures of each arm that are left after every step, and why the others are not."]
    for funnel in arms:
        steps = []
        for step in funnel.steps:
            lost = ", ".join(f"{number} {reason}" for reason, number in step.lost.items())
            steps.append(f"{step.kept} {step.name}" + (f" (without {lost})" if lost else ""))
        parts.append(f"{funnel.arm}: {funnel.raw} raw; {'; '.join(steps)}.")
    return " ".join(parts)
