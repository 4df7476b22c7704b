"""The look that all figures share: one colour, symbol, line and pattern for each group, and a
template for light and for dark ground.

Blue and orange are those of Okabe and Ito's palette for all kinds of colour vision
(https://jfly.uni-koeln.de/color/), the orange darker, so that both stand out from white and from
black; lines, symbols and patterns tell the groups apart in greyscale, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from scoutlang.report.data import Crystal, Group, ReportData

GROUPS: tuple[Group, ...] = ("reference", "non-guided", "guided")
WIDTH = 800
"""Pixels at which texts and spaces are set."""

TARGET = "#C8409F"
NEUTRAL = "#808080"
FAINT = "rgba(128,128,128,0.25)"
SCALE = "Cividis"


@dataclass(frozen=True)
class Style:
    """How a group is drawn; pattern: of its bars."""

    colour: str
    fill: str
    dash: str
    symbol: str
    pattern: str


STYLES: Mapping[Group, Style] = {
    "reference": Style("#808080", "rgba(128,128,128,0.10)", "dot", "diamond", "."),
    "non-guided": Style("#D98200", "rgba(217,130,0,0.14)", "dash", "square", "/"),
    "guided": Style("#0072B2", "rgba(0,114,178,0.18)", "solid", "circle", ""),
}


def template(*, dark: bool = False) -> go.layout.Template:
    """Ground, text and grid. A figure changes between light and dark by its template alone: nothing
    else that it holds depends on the ground.
    """
    ground, text, grid = (
        ("#15181d", "#e8e8e8", "#343a42") if dark else ("#ffffff", "#1c1c1c", "#e4e4e4")
    )
    axis = {
        "gridcolor": grid,
        "linecolor": text,
        "showline": True,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": text,
        "zeroline": False,
        "automargin": True,
        "title": {"standoff": 8, "font": {"size": 14}},
    }
    return go.layout.Template(
        layout={
            "paper_bgcolor": ground,
            "plot_bgcolor": ground,
            "font": {
                "family": "Arial, Helvetica, 'Liberation Sans', sans-serif",
                "size": 13,
                "color": text,
            },
            "hoverlabel": {"bgcolor": ground, "font": {"color": text}, "align": "left"},
            "xaxis": axis,
            "yaxis": axis,
            "legend": {
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 1,
                "yanchor": "bottom",
                "bgcolor": "rgba(0,0,0,0)",
            },
            "annotationdefaults": {"showarrow": False, "font": {"color": text, "size": 12}},
            "shapedefaults": {"line": {"color": text, "width": 1}},
            "margin": {"l": 70, "r": 20, "t": 60, "b": 55},
            "coloraxis": {
                "colorscale": SCALE,
                "colorbar": {"outlinewidth": 0, "thickness": 14, "title": {"font": {"size": 14}}},
            },
        }
    )


def canvas(figure: go.Figure, height: int, **layout: object) -> go.Figure:
    """Give a figure its template and height in pixels."""
    figure.update_layout(template=template(), height=height, width=None, autosize=True, **layout)
    return figure


def panels(titles: Sequence[str], **options: object) -> go.Figure:
    """Axes beside or below each other, each with its title."""
    figure = make_subplots(subplot_titles=titles, **options)
    return figure.update_annotations(font={"size": 14})


def members(data: ReportData, group: Group) -> list[Crystal]:
    return [crystal for crystal in data.crystals if crystal.group == group]


def present(data: ReportData) -> list[Group]:
    """The groups that have crystals, in the order of `GROUPS`."""
    return [group for group in GROUPS if any(crystal.group == group for crystal in data.crystals)]


def plain(text: str, longest: int = 70) -> str:
    """A text of the user on one line, as it is: plotly would take ``<`` for the start of a tag."""
    line = " ".join(text.split())
    return escape(line if len(line) <= longest else f"{line[: longest - 1]}…", quote=False)


def listed(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    return ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1] if parts else ""


def counted(number: int, thing: str, things: str = "") -> str:
    """``1 structure``, ``3 structures``."""
    return f"{number} {thing if number == 1 else things or f'{thing}s'}"
