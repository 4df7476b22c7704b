"""The look that all figures share: one colour, symbol, line and pattern for each group, and a
template for light and for dark ground.

Lines, symbols and patterns tell the groups apart in greyscale, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from scoutlang.report.data import Crystal, Group
from scoutlang.support.colours import CLEAR, PAGE, REFERENCE, SURFACE, faint

GROUPS: tuple[Group, ...] = ("reference", "non-guided", "guided", "prototypes")
WIDTH = 800
"""Pixels at which texts and spaces are set."""


@dataclass(frozen=True)
class Style:
    """How a group is drawn; what is said of lines, symbols and patterns is in plotly's names."""

    colour: str
    opacity: float
    """Of an area, 0 to 1."""
    dash: str
    symbol: str
    pattern: str
    """Of bars; empty for a full colour."""

    @property
    def fill(self) -> str:
        """The colour of an area."""
        return faint(self.colour, self.opacity)

    @property
    def bars(self) -> dict[str, object]:
        """The marker of bars."""
        return {
            "color": self.colour,
            "line": {"color": self.colour, "width": 1},
            "pattern": {
                "shape": self.pattern,
                "fgcolor": self.colour,
                "bgcolor": CLEAR,
                "fillmode": "overlay",
                "size": 6,
                "solidity": 0.4,
            },
        }

    def line(self, width: float) -> dict[str, object]:
        return {"color": self.colour, "dash": self.dash, "width": width}


STYLES: Mapping[Group, Style] = {
    "reference": Style(REFERENCE, 0.10, "dot", "diamond", "."),
    "non-guided": Style(PAGE["non-guided"].light, 0.14, "dash", "square", "/"),
    "guided": Style(PAGE["guided"].light, 0.18, "solid", "circle", ""),
    "prototypes": Style(PAGE["prototypes"].light, 0.14, "dashdot", "triangle-up", "x"),
}


def template(*, dark: bool = False) -> go.layout.Template:
    """Ground, text and grid. A figure changes between light and dark by its template alone: nothing
    else that it holds depends on the ground.
    """
    shades = (PAGE[name] for name in ("card", "ink", "line"))
    ground, text, grid = (shade.dark if dark else shade.light for shade in shades)
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
                "bgcolor": CLEAR,
            },
            "annotationdefaults": {"showarrow": False, "font": {"color": text, "size": 12}},
            "shapedefaults": {"line": {"color": text, "width": 1}},
            "margin": {"l": 70, "r": 20, "t": 60, "b": 55},
            "coloraxis": {
                "colorscale": SURFACE,
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


def groups(crystals: Sequence[Crystal]) -> dict[Group, list[Crystal]]:
    """Those of each group that has some, in the order of `GROUPS`."""
    found = {group: [c for c in crystals if c.group == group] for group in GROUPS}
    return {group: some for group, some in found.items() if some}


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
