"""ℓ against the energy above the hull, and the first Pareto fronts: figures 2B, 3B, 4B and 7A of
the paper (arXiv:2604.13354, section 3.1).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from scoutlang.report.data import Crystal, ReportData
from scoutlang.report.figures._figure import Drawn, Figure, LeftOut
from scoutlang.report.figures._look import STYLES, canvas, counted, groups, listed, plain
from scoutlang.support.colours import NEUTRAL
from scoutlang.validation.hull import METASTABLE

PLACE = 40

_HEIGHT = 520
_LINES = (("solid", 2.0), ("dash", 1.5), ("dot", 1.5))
FRONTS = len(_LINES)
_MANY = 300  # crystals of a kind; more lie over each other
_SHOWN = 0.95  # of the crystals, at least, are inside the axes


def draw(data: ReportData) -> list[Drawn]:
    name, title = "pareto", "Loss and energy above the hull"
    crystals = [c for c in data.crystals if c.loss is not None and c.e_above_hull is not None]
    if not crystals:
        return [LeftOut(name, title, "No crystal has both a loss and an energy above the hull.")]
    points = [_point(c) for c in crystals]
    fronts = pareto_fronts(points, FRONTS)
    number = {crystals[i].id: k for k, front in enumerate(fronts, start=1) for i in front}
    figure = go.Figure()
    for group, everyone in groups(crystals).items():
        for label, hit in ((group, False), (f"{group}, hits", True)):
            if some := [c for c in everyone if (c.hit is True) == hit]:
                _add_points(figure, some, [number.get(c.id) for c in some], label)
    for (dash, width), (k, front) in zip(_LINES, enumerate(fronts, start=1), strict=False):
        x, y = zip(*(points[i] for i in front), strict=True)
        figure.add_scatter(  # the edge of what it is better than
            x=x,
            y=y,
            mode="lines",
            line={"shape": "hv", "dash": dash, "width": width, "color": NEUTRAL},
            name=f"front {k}",
            hoverinfo="skip",
        )
    ranges = [
        _range([p[axis] for p in points], [points[i][axis] for front in fronts for i in front])
        for axis in (0, 1)
    ]
    if ranges[1][0] <= METASTABLE <= ranges[1][1]:
        line = {"color": NEUTRAL, "width": 1.5, "dash": "longdashdot"}
        figure.add_hline(y=METASTABLE, line=line, layer="below")
        figure.add_annotation(
            x=1, xref="paper", xanchor="left", xshift=5, y=METASTABLE, yanchor="middle", text="S"
        )
    canvas(
        figure, _HEIGHT, margin={"t": 80, "r": 35}, hovermode="closest", clickmode="event+select"
    )
    figure.update_xaxes(title="loss ℓ of the hypothesis", range=ranges[0])
    figure.update_yaxes(title="energy above the hull (eV/atom)", range=ranges[1])
    return [Figure(name, title, _caption(data, crystals, fronts, ranges), figure)]


def pareto_fronts(points: Sequence[tuple[float, float]], count: int = 3) -> list[list[int]]:
    """The first fronts of points of which both coordinates should be low: indices of each front, in
    the order of the first coordinate.

    A point is better than another one if it is lower or equal in both coordinates and lower in one
    (paper, section 3.1); a front holds those that no point left over from the fronts before is
    better than. Equal points share a front. Numbers are finite. O(n log n) in all fronts together.
    """
    order = sorted(range(len(points)), key=lambda i: points[i])
    fronts: list[list[int]] = []
    # Of each front so far: its lowest second coordinate, which ascends from front to front, as a
    # later one holds a point only if all before do better; and the point that came last.
    lowest: list[float] = []
    last: list[int] = []
    for index in order:
        height = points[index][1]
        # Points come with the first coordinate ascending: a front is better than this point if its
        # lowest one is not above it, or equal to it as a whole.
        front = bisect_right(lowest, height)
        if front and points[last[front - 1]] == points[index]:
            front -= 1
        if front == len(fronts):
            fronts.append([])
            lowest.append(height)
            last.append(index)
        fronts[front].append(index)
        lowest[front], last[front] = height, index
    return fronts[:count]


def _point(crystal: Crystal) -> tuple[float, float]:
    assert crystal.loss is not None  # of those that `draw` chose
    assert crystal.e_above_hull is not None
    return crystal.loss, crystal.e_above_hull


def _add_points(
    figure: go.Figure, crystals: Sequence[Crystal], fronts: Sequence[int | None], name: str
) -> None:
    style, hits = STYLES[crystals[0].group], crystals[0].hit is True
    faint = 0.75 if len(crystals) <= _MANY else 0.4
    figure.add_scatter(
        x=[c.loss for c in crystals],
        y=[c.e_above_hull for c in crystals],
        customdata=[c.id for c in crystals],
        mode="markers",
        name=f"{name} ({len(crystals)})",
        marker={
            "symbol": style.symbol if hits else f"{style.symbol}-open",
            "color": style.colour,
            "opacity": [1.0 if front else faint for front in fronts],
            "size": [11 if front else 7 for front in fronts],
            "line": {"width": 1.4, "color": style.colour},
        },
        text=[_hover(crystal, front) for crystal, front in zip(crystals, fronts, strict=True)],
        hovertemplate="%{text}<extra></extra>",
    )


def _hover(crystal: Crystal, front: int | None) -> str:
    verdict = {True: "hit", False: "no hit", None: "undefined"}[crystal.hit]
    lines = [
        f"<b>{plain(crystal.formula)}</b> {plain(crystal.id)}",
        f"ℓ = {crystal.loss:.3g}, {crystal.e_above_hull:.3f} eV/atom above the hull",
        f"{crystal.group}, {verdict}" + (f", front {front}" if front else ""),
    ]
    return "<br>".join(lines)


def _range(values: Sequence[float], front: Sequence[float]) -> tuple[float, float]:
    """All of the fronts, and most of the others."""
    high = max(float(np.quantile(values, _SHOWN)), *front)
    low = min(values)
    room = 0.04 * (high - low) or 0.1
    return low - room, high + room


def _caption(
    data: ReportData,
    crystals: Sequence[Crystal],
    fronts: Sequence[Sequence[int]],
    ranges: Sequence[tuple[float, float]],
) -> str:
    def counts(some: Sequence[Crystal]) -> str:
        return listed([f"{len(c)} {group}" for group, c in groups(some).items()])

    here = groups(crystals)
    shown = [f"{len(here.get(group, ()))} {group}" for group in groups(data.crystals)]
    potential = data.validation.provenance.potential
    parts = [
        "Loss ℓ of the finished crystal against its energy above the hull of the reference "
        f"({potential}, not relaxed), {listed(shown)} crystals; filled: hits; "
        f"S: metastable, {METASTABLE:g} eV/atom at most. Lines: the first Pareto fronts, "
        "the edge of what their members are better than in both."
    ]
    for k, front in enumerate(fronts, start=1):
        parts.append(f"Front {k}: {counts([crystals[i] for i in front])}.")
    if len(fronts) < FRONTS:
        parts.append(f"There are {counted(len(fronts), 'front')} only.")
    missing = []
    for group, everyone in groups(data.crystals).items():
        if energy := sum(c.e_above_hull is None for c in everyone):
            missing.append(f"{group} {energy} without an energy above the hull")
        if loss := sum(c.loss is None and c.e_above_hull is not None for c in everyone):
            missing.append(f"{group} {loss} without a loss")
    if missing:
        parts.append(f"Not shown: {', '.join(missing)}.")
    beyond = sum(
        not all(low <= v <= high for v, (low, high) in zip(_point(c), ranges, strict=True))
        for c in crystals
    )
    if beyond:
        parts.append(f"Beyond the axes: {beyond}.")
    if data.reference_left_out:
        reasons = [f"{number} ({reason})" for reason, number in data.reference_left_out.items()]
        parts.append(
            f"Of the reference crystals of these elements, {listed(reasons)} are left out."
        )
    return " ".join(parts)
