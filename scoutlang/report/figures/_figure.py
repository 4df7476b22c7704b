"""What a drawing hands back: a figure, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import plotly.graph_objects as go


@dataclass(frozen=True)
class Figure:
    """A figure of a run."""

    name: str
    """Of its files: letters, digits and hyphens."""
    title: str
    caption: str
    """In words what is seen, with N and method; also the text for a screen reader."""
    plot: go.Figure
    """`_look.WIDTH` wide at the height that it has; its colours of text and ground are those of its
    template (`_look.template`).
    """


@dataclass(frozen=True)
class LeftOut:
    """A figure that this run has no data for."""

    name: str
    title: str
    reason: str
    """A sentence for the reader."""


Drawn: TypeAlias = Figure | LeftOut
