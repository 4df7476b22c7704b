"""What a drawing hands back: a figure, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import plotly.graph_objects as go


@dataclass(frozen=True)
class Figure:
    """name: of its files, letters, digits and hyphens. caption: in words what is seen, with N and
    method; it is also the text for a screen reader.

    plot: `look.WIDTH` wide at the height that it has; its colours of text and ground are those of
    its template (`look.template`).
    """

    name: str
    title: str
    caption: str
    plot: go.Figure


@dataclass(frozen=True)
class LeftOut:
    """A figure that this run has no data for. reason: a sentence for the reader."""

    name: str
    title: str
    reason: str


Drawn: TypeAlias = Figure | LeftOut
