"""How two terms are distributed together, without and with guidance: figure 6B and C of the paper
(arXiv:2604.13354).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from scoutlang.report.data import Crystal, Group, ReportData
from scoutlang.report.figures._figure import Drawn, Figure, LeftOut
from scoutlang.report.figures._kernel import density
from scoutlang.report.figures._look import canvas, groups, panels, plain
from scoutlang.report.figures._terms import Numeric, numeric_terms, pooled_range, slug
from scoutlang.support.colours import BLACK, TARGET, WHITE, faint

PLACE = 30

MOST_PAIRS = 3
_GRID = 81
_HEIGHT = 430


def draw(data: ReportData) -> list[Drawn]:
    """One figure for each pair of the first `require` terms that have a number, `MOST_PAIRS` at
    most; none where there are less than two.
    """
    required = [numeric for numeric in numeric_terms(data.program) if numeric.term.decides]
    return [_draw(data, x, y) for x, y in list(combinations(required, 2))[:MOST_PAIRS]]


def _draw(data: ReportData, x: Numeric, y: Numeric) -> Drawn:
    name, title = f"joint-{slug(x.label)}-{slug(y.label)}", f"{x.label} and {y.label} together"
    crystals: dict[Group, list[Crystal]] = {
        group: [c for c in some if None not in (c.values.get(x.label), c.values.get(y.label))]
        for group, some in groups(data.crystals).items()
        if group != "reference"
    }
    values: dict[Group, NDArray[np.float64]] = {
        arm: np.array(
            [[c.values[label] for c in some] for label in (x.label, y.label)], dtype=float
        )
        for arm, some in crystals.items()
    }
    everyone = np.concatenate([np.zeros((2, 0)), *values.values()], axis=1)
    if not everyone.size:
        return LeftOut(name, title, f"No generated crystal has both {x.label} and {y.label}.")
    (x_low, x_high), (y_low, y_high) = (
        pooled_range(list(everyone[axis]), [numeric.low, numeric.high])
        for axis, numeric in enumerate((x, y))
    )
    xs, ys = np.linspace(x_low, x_high, _GRID), np.linspace(y_low, y_high, _GRID)
    grid = np.stack(np.meshgrid(xs, ys))
    figure = panels(
        [f"{arm} (N = {len(some)})" for arm, some in crystals.items()],
        cols=len(crystals),
        shared_yaxes=True,
        horizontal_spacing=0.04,
    )
    said, drawn = [], False
    for column, arm in enumerate(crystals, start=1):
        found = density(values[arm], grid)
        if isinstance(found, str):
            said.append(f"{arm}: points only, {found}.")
        else:
            drawn = True
            said.append(
                f"{arm}: bandwidth {found.bandwidth[0]:.2g} along {x.label}, "
                f"{found.bandwidth[1]:.2g} along {y.label}."
            )
            figure.add_heatmap(
                x=xs,
                y=ys,
                z=found.values,
                coloraxis="coloraxis",
                hoverinfo="skip",
                zsmooth="best",
                row=1,
                col=column,
            )
        figure.add_scatter(
            x=values[arm][0],
            y=values[arm][1],
            customdata=[c.id for c in crystals[arm]],
            text=[plain(c.formula) for c in crystals[arm]],
            mode="markers",
            marker={
                "size": 5,
                "color": faint(WHITE, 0.85),
                "line": {"width": 0.8, "color": faint(BLACK, 0.7)},
            },
            hovertemplate="%{text}: %{x:.4g}, %{y:.4g}<extra></extra>",
            row=1,
            col=column,
        )
        _add_target(figure, column, x, y, (x_low, x_high), (y_low, y_high))
    canvas(figure, _HEIGHT, margin={"t": 50, "r": 95 if drawn else 20}, showlegend=False)
    if drawn:
        figure.update_layout(
            coloraxis={"cmin": 0, "colorbar": {"title": {"text": "density", "side": "right"}}}
        )
    figure.update_xaxes(title=plain(x.axis), range=[x_low, x_high], showgrid=False)
    figure.update_yaxes(range=[y_low, y_high], showgrid=False)
    figure.update_yaxes(title=plain(y.axis), col=1)
    return Figure(name, title, _caption(x, y, crystals, said, drawn), figure)


def _add_target(
    figure: go.Figure,
    column: int,
    x: Numeric,
    y: Numeric,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
) -> None:
    """The window of both, open where it is open, and the point in it where both have a target."""
    sides = {}
    for axis, numeric, (low, high) in (("x", x, x_range), ("y", y, y_range)):
        far = high - low  # beyond the axis: that edge is not seen
        sides[f"{axis}0"] = numeric.low if math.isfinite(numeric.low) else low - far
        sides[f"{axis}1"] = numeric.high if math.isfinite(numeric.high) else high + far
    if not (x.wish and y.wish):
        figure.add_shape(
            type="rect", **sides, line={"color": TARGET, "width": 2}, row=1, col=column
        )
    if x.target is not None and y.target is not None:
        figure.add_scatter(
            x=[x.target],
            y=[y.target],
            mode="markers",
            marker={
                "symbol": "cross",
                "size": 11,
                "color": TARGET,
                "line": {"width": 1.5, "color": faint(WHITE, 1)},
            },
            hovertemplate="target<extra></extra>",
            row=1,
            col=column,
        )


def _caption(
    x: Numeric,
    y: Numeric,
    crystals: Mapping[Group, Sequence[Crystal]],
    said: Sequence[str],
    drawn: bool,
) -> str:
    shares = []
    for arm, some in crystals.items():
        both = sum(
            c.satisfied.get(x.label) is True and c.satisfied.get(y.label) is True for c in some
        )
        shares.append(f"{arm} {both} of {len(some)}")
    parts = [
        f"{x.axis} and {y.axis} of each crystal, unrelaxed, by arm. "
        f"Target: {x.label} {x.aim} and {y.label} {y.aim}, framed; "
        f"satisfying both: {', '.join(shares)}."
    ]
    if drawn:
        parts.append(
            "Gaussian kernel density in two dimensions, bandwidth by Silverman's rule, "
            "one colour scale for both arms; dots: the crystals."
        )
    return " ".join([*parts, *said])
