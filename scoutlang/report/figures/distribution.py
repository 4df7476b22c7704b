"""How the exact value of a term is distributed in the reference and in both arms: figures 2A, 3A,
4A and 5 of the paper (arXiv:2604.13354).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from scoutlang.report.data import Crystal, Group, ReportData
from scoutlang.report.figures._figure import Drawn, Figure, LeftOut
from scoutlang.report.figures._kernel import density
from scoutlang.report.figures._look import STYLES, canvas, counted, groups, listed, plain
from scoutlang.report.figures._terms import Numeric, numeric_terms, pooled_range, slug
from scoutlang.support.colours import TARGET

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
    crystals = groups(data.crystals)
    defined = {
        group: values
        for group, some in crystals.items()
        if (values := [v for c in some if (v := c.values.get(numeric.label)) is not None])
    }
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
    beyond = {g: sum(not low <= v <= high for v in values) for g, values in defined.items()}
    outside = ", ".join(f"{group} {number}" for group, number in beyond.items() if number)
    said = [_what(numeric, crystals), method, f"Beyond the axis: {outside}." if outside else ""]
    return Figure(name, title, " ".join(said).strip(), figure)


def _histogram(figure: go.Figure, groups: dict[Group, list[float]], pooled: list[float]) -> str:
    first, width, number = bins(pooled)
    centres = [first + k * width for k in range(number)]
    for group, values in groups.items():
        counts = [0] * number
        for value in values:
            counts[math.floor(value / width + 0.5) - round(first / width)] += 1
        figure.add_bar(
            x=centres,
            y=[100 * c / len(values) for c in counts],
            customdata=counts,
            name=f"{group} (N = {len(values)})",
            marker=STYLES[group].bars,
            hovertemplate="%{x:.4g}: %{customdata} crystals, %{y:.1f} %<extra>"
            f"{group}</extra>",
        )
    figure.update_yaxes(title="share of the group (%)")
    return f"Bars: share of each group in bins {width:g} wide, centred on multiples of that."


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
            line={**style.line(2.4), "simplify": False},
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
    note: dict[str, object] = {"y": 1.01, "yref": "paper", "yanchor": "bottom"}
    if numeric.wish:
        note |= {"x": 1, "xref": "paper", "xanchor": "right", "text": f"wanted: {numeric.aim}"}
    else:
        start, end = max(numeric.low, low), min(numeric.high, high)
        shade = {"fillcolor": TARGET, "opacity": 0.14, "line_width": 0, "layer": "below"}
        figure.add_vrect(x0=start, x1=end, **shade)
        for edge in (numeric.low, numeric.high):
            if math.isfinite(edge):
                line = {"color": TARGET, "width": 1, "dash": "dot"}
                figure.add_vline(x=edge, line=line, layer="below")
        middle = (start + end) / 2
        if numeric.target is not None:
            middle = numeric.target
            figure.add_vline(x=middle, line={"color": TARGET, "width": 2}, layer="below")
        share = (middle - low) / (high - low)
        side = "left" if share < 0.15 else "right" if share > 0.85 else "center"
        note |= {"x": middle, "xanchor": side, "text": f"target {numeric.aim}"}
        note["font"] = {"color": TARGET}
    figure.add_annotation(note, text=plain(str(note["text"])))


def _what(numeric: Numeric, groups: Mapping[Group, Sequence[Crystal]]) -> str:
    wanted = numeric.aim if numeric.wish else f"target {numeric.aim}, shaded"
    parts = []
    for group, crystals in groups.items():
        undefined = sum(c.values.get(numeric.label) is None for c in crystals)
        satisfied = sum(c.satisfied.get(numeric.label) is True for c in crystals)
        defined, number = len(crystals) - undefined, len(crystals)
        said = [counted(defined, "value")]
        if defined and not numeric.wish:
            said.append(f"{satisfied} satisfy it ({satisfied / number:.0%} of {number})")
        if undefined:
            said.append(f"{undefined} undefined")
        parts.append(f"{group}: {', '.join(said)}")
    return (
        f"Exact value of {numeric.axis} in {listed(list(groups))} crystals, nothing relaxed; "
        f"{wanted}. {'; '.join(parts)}."
    )
