"""How the exact value of a term is distributed in the reference and in both arms: figures 2A, 3A,
4A and 5 of the paper (arXiv:2604.13354).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from scoutlang.report.data import Group, ReportData
from scoutlang.report.figures._figure import Drawn, Figure, LeftOut
from scoutlang.report.figures._kernel import density
from scoutlang.report.figures._look import (
    STYLES,
    canvas,
    counted,
    listed,
    members,
    plain,
    present,
)
from scoutlang.report.figures._terms import Numeric, numeric_terms, pooled_range, slug
from scoutlang.support.colours import CLEAR, TARGET

PLACE = 20

_GRID = 401
_MOST_BINS = 40
_HEIGHT = 380


def draw(data: ReportData) -> list[Drawn]:
    """One figure for each term with a number."""
    return [_draw(data, numeric) for numeric in numeric_terms(data.program)]


def bins(values: Sequence[float]) -> tuple[float, float, int]:
    """Centre of the first bin, width and number of the bins of values that are whole numbers, or
    means of them.

    Bins are centred on whole numbers: 1 wide if all values are whole, else 1/2, or 1/10 where they
    span 2 at most (shares); wider, by 2, 5, 10, …, where there would be more than `_MOST_BINS`.
    """
    low, high = min(values), max(values)
    whole = all(float(v).is_integer() for v in values)
    width = 1.0 if whole else 0.5 if high - low > 2 else 0.1
    factors = (f * 10**e for e in range(12) for f in (1, 2, 5))
    width = next(width * f for f in factors if (high - low) / (width * f) < _MOST_BINS)
    first = math.floor(low / width + 0.5)
    return first * width, width, math.floor(high / width + 0.5) - first + 1


def _draw(data: ReportData, numeric: Numeric) -> Drawn:
    name, title = f"distribution-{slug(numeric.label)}", f"Distribution of {numeric.label}"
    groups = {
        group: [v for c in members(data, group) if (v := c.values.get(numeric.label)) is not None]
        for group in present(data)
    }
    defined = {group: values for group, values in groups.items() if values}
    if not defined:
        return LeftOut(name, title, f"{numeric.label} is defined on no crystal.")
    pooled = [v for values in defined.values() for v in values]
    low, high = pooled_range(pooled, [numeric.low, numeric.high])
    figure = go.Figure()
    if numeric.whole:
        first, width, _ = bins(pooled)
        low, high = min(low, first - width), max(high, first + width)
        method = _histogram(figure, defined, pooled)
    else:
        method = _densities(figure, defined, low, high, numeric.unit)
    _mark(figure, numeric, low, high)
    canvas(figure, _HEIGHT, bargap=0.12, bargroupgap=0.0, margin={"t": 78}, legend={"y": 1.09})
    figure.update_xaxes(title=plain(numeric.axis), range=[low, high])
    figure.update_yaxes(rangemode="tozero")
    return Figure(
        name,
        title,
        " ".join([_what(data, numeric, groups), method, _outside(defined, low, high)]).strip(),
        figure,
    )


def _histogram(figure: go.Figure, groups: dict[Group, list[float]], pooled: list[float]) -> str:
    first, width, number = bins(pooled)
    centres = [first + k * width for k in range(number)]
    for group, values in groups.items():
        counts = [0] * number
        for value in values:
            counts[math.floor(value / width + 0.5) - round(first / width)] += 1
        style = STYLES[group]
        figure.add_bar(
            x=centres,
            y=[100 * c / len(values) for c in counts],
            customdata=counts,
            name=f"{group} (N = {len(values)})",
            marker={
                "color": style.colour,
                "line": {"color": style.colour, "width": 1},
                "pattern": _pattern(group),
            },
            hovertemplate="%{x:.4g}: %{customdata} crystals, %{y:.1f} %<extra>"
            + group
            + "</extra>",
        )
    figure.update_yaxes(title="share of the group (%)")
    return f"Bars: share of each group in bins {width:g} wide, centred on multiples of that."


def _pattern(group: Group) -> dict[str, object]:
    style = STYLES[group]
    return {
        "shape": style.pattern,
        "fgcolor": style.colour,
        "bgcolor": CLEAR,
        "fillmode": "overlay",
        "size": 6,
        "solidity": 0.4,
    }


def _densities(
    figure: go.Figure, groups: dict[Group, list[float]], low: float, high: float, unit: str
) -> str:
    grid = np.linspace(low, high, _GRID)
    widths, single = [], []
    for row, (group, values) in enumerate(groups.items()):
        style, found = STYLES[group], density([values], grid)
        name = f"{group} (N = {len(values)})"
        if isinstance(found, str):
            figure.add_scatter(
                x=values,
                y=[0.0] * len(values),
                mode="markers",
                name=name,
                marker={
                    "symbol": "line-ns",
                    "size": 20 + 6 * row,
                    "line": {"color": style.colour, "width": 2},
                },
                hovertemplate="%{x:.4g}<extra>" + group + "</extra>",
            )
            single.append(f"{group}: {found}")
            continue
        figure.add_scatter(
            x=grid,
            y=found.values,
            mode="lines",
            name=name,
            line={"color": style.colour, "dash": style.dash, "width": 2.4, "simplify": False},
            fill="tozeroy",
            fillcolor=style.fill,
            hovertemplate="%{x:.4g}: %{y:.3g}<extra>" + group + "</extra>",
        )
        widths.append(f"{group} {found.bandwidth[0]:.2g}")
    figure.update_yaxes(title=f"probability density per {unit}" if unit else "probability density")
    said = []
    if widths:
        bandwidths = f"{', '.join(widths)} {unit}".rstrip()
        said.append(
            "Curves: Gaussian kernel density, bandwidth by Silverman's rule "
            f"({bandwidths}), area 1."
        )
    if single:
        said.append(f"Ticks: the single values ({'; '.join(single)}).")
    return " ".join(said)


def _mark(figure: go.Figure, numeric: Numeric, low: float, high: float) -> None:
    """The window that satisfies the term, and its target."""
    if numeric.wish:
        figure.add_annotation(
            x=1,
            y=1.01,
            xref="paper",
            yref="paper",
            xanchor="right",
            yanchor="bottom",
            text=plain(f"wanted: {numeric.aim}"),
        )
        return
    start, end = max(numeric.low, low), min(numeric.high, high)
    figure.add_vrect(x0=start, x1=end, fillcolor=TARGET, opacity=0.14, line_width=0, layer="below")
    for edge in (numeric.low, numeric.high):
        if math.isfinite(edge):
            figure.add_vline(
                x=edge, line={"color": TARGET, "width": 1, "dash": "dot"}, layer="below"
            )
    if numeric.target is not None:
        figure.add_vline(x=numeric.target, line={"color": TARGET, "width": 2}, layer="below")
    middle = numeric.target if numeric.target is not None else (start + end) / 2
    share = (middle - low) / (high - low)
    figure.add_annotation(
        x=middle,
        y=1.01,
        yref="paper",
        xanchor="left" if share < 0.15 else "right" if share > 0.85 else "center",
        yanchor="bottom",
        text=plain(f"target {numeric.aim}"),
        font={"color": TARGET},
    )


def _what(data: ReportData, numeric: Numeric, groups: dict[Group, list[float]]) -> str:
    wanted = numeric.aim if numeric.wish else f"target {numeric.aim}, shaded"
    parts = []
    for group, values in groups.items():
        crystals = members(data, group)
        undefined = len(crystals) - len(values)
        satisfied = sum(c.satisfied.get(numeric.label) is True for c in crystals)
        said = [counted(len(values), "value")]
        if values and not numeric.wish:
            said.append(
                f"{satisfied} satisfy it ({satisfied / len(crystals):.0%} of {len(crystals)})"
            )
        if undefined:
            said.append(f"{undefined} undefined")
        parts.append(f"{group}: {', '.join(said)}")
    return (
        f"Exact value of {numeric.axis} in {listed(list(groups))} crystals, nothing relaxed; "
        f"{wanted}. {'; '.join(parts)}."
    )


def _outside(groups: dict[Group, list[float]], low: float, high: float) -> str:
    beyond = {group: sum(not low <= v <= high for v in values) for group, values in groups.items()}
    said = [f"{group} {number}" for group, number in beyond.items() if number]
    return f"Beyond the axis: {', '.join(said)}." if said else ""
