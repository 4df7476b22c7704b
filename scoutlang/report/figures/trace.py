"""How the loss of every term fell over diffusion time in the guided arm, and how many predicted
crystals were hits on the way.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.parquet as pq

from scoutlang.ir import Term
from scoutlang.report.data import ReportData
from scoutlang.report.figures._figure import Drawn, Figure, LeftOut
from scoutlang.report.figures._look import STYLES, canvas, panels, plain
from scoutlang.runs.trace import guiding_terms
from scoutlang.support.colours import NEUTRAL, faint

PLACE = 60

MAX_ROWS = 4_000_000
"""Rows that are read, first batches first: 2000 structures of 250 steps and 8 terms. More do not
change a median.
"""

_COLUMNS = ("index", "step", "time", "term", "loss", "hit")
_PANEL, _ONE_COLUMN = 175, 3
# of the upper quartiles, the share that a panel must hold: the first steps may be far above the
# others
_SHOWN, _HEADROOM = 0.9, 1.3


def draw(data: ReportData) -> list[Drawn]:
    name, title = "trace", "Loss over diffusion time"
    terms = guiding_terms(data.program)
    if data.trace is None:
        return [LeftOut(name, title, "The run was made without --trace.")]
    if not terms:
        return [LeftOut(name, title, "No term guides.")]
    try:
        rows = _read(data.trace)
    except (OSError, pa.ArrowException, KeyError) as error:
        return [LeftOut(name, title, f"The trace cannot be read: {type(error).__name__}.")]
    if rows.empty:
        return [LeftOut(name, title, "The trace holds no step.")]
    columns = 1 if len(terms) <= _ONE_COLUMN else 2
    lines = -(-len(terms) // columns)
    looks = rows.dropna(subset=["hit"]).drop_duplicates(["index", "step"])
    headings = [plain(term.text, 70 if columns == 1 else 50) for term in terms]
    headings += [""] * (lines * columns - len(terms)) + ["satisfy every require"]
    specs: list[list[dict[str, int] | None]] = [[{} for _ in range(columns)] for _ in range(lines)]
    specs.append([{"colspan": columns}, *[None] * (columns - 1)])
    figure = panels(
        headings,
        rows=lines + 1,
        cols=columns,
        shared_xaxes="all",
        specs=specs,
        vertical_spacing=min(0.09, 0.3 / (lines + 1)),
    )
    said = []
    for number, term in enumerate(terms):
        row, column = divmod(number, columns)
        said.append(_add_loss(figure, row + 1, column + 1, term, rows[rows["term"] == term.label]))
    said.append(_add_hits(figure, lines + 1, looks, data))
    canvas(
        figure,
        _PANEL * (lines + 1) + 110,
        margin={"t": 40, "b": 90},
        legend={"traceorder": "normal", "y": 0.0, "yanchor": "bottom", "yref": "container"},
    )
    guide = data.program.guide
    acting = {"fillcolor": faint(NEUTRAL, 0.25), "opacity": 0.35, "line_width": 0, "layer": "below"}
    for row, cells in enumerate(specs, start=1):
        for column, cell in enumerate(cells, start=1):
            if cell is not None:
                figure.add_vrect(x0=guide.since, x1=guide.until, row=row, col=column, **acting)
    figure.update_xaxes(range=[1, 0], showgrid=False)
    figure.update_xaxes(title="diffusion time t (1 noise, 0 crystal)", row=lines + 1)
    count = rows["index"].nunique()
    caption = (
        f"Weighted loss of each term on the crystal predicted at every step of {count} guided "
        "structures: median, and band between the quartiles; grey: where guidance acts. "
        + " ".join(said)
    )
    return [Figure(name, title, caption, figure)]


def _read(folder: Path) -> pd.DataFrame:
    parts: list[pa.Table] = []
    for file in sorted(folder.glob("*.parquet")):
        if sum(part.num_rows for part in parts) < MAX_ROWS:
            parts.append(pq.read_table(file, columns=list(_COLUMNS), partitioning=None))
    if not parts:
        return pd.DataFrame(columns=_COLUMNS)
    found: pd.DataFrame = pa.concat_tables(parts).to_pandas()
    return found


def _add_loss(figure: go.Figure, row: int, column: int, term: Term, rows: pd.DataFrame) -> str:
    steps = rows.groupby("step")
    time = steps["time"].first()
    low, middle, high = (steps["loss"].quantile(q) for q in (0.25, 0.5, 0.75))
    style, place = STYLES["guided"], {"row": row, "col": column}
    edge = {"x": time, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_scatter(y=low, **edge, showlegend=False, **place)
    figure.add_scatter(
        y=high, fill="tonexty", fillcolor=style.fill, **edge, showlegend=False, **place
    )
    figure.add_scatter(
        x=time,
        y=middle,
        mode="lines",
        line={"color": style.colour, "width": 2},
        hovertemplate="t = %{x:.3f}: %{y:.3g}<extra>median</extra>",
        showlegend=False,
        **place,
    )
    figure.update_yaxes(title="loss", **place)
    if middle.notna().any() and low.min() >= 0:
        figure.update_yaxes(range=[0, max(_HEADROOM * float(high.quantile(_SHOWN)), 0.1)], **place)
    if rows.empty or middle.isna().all():
        return f"{term.label}: undefined in every structure."
    ends = middle.dropna()
    missing = float(rows["loss"].isna().mean())
    return (
        f"{term.label}: median {ends.iloc[0]:.2g} at the first guided step, "
        f"{ends.iloc[-1]:.2g} at the last"
        + (f", undefined in {missing:.1%} of the rows." if missing else ".")
    )


def _add_hits(figure: go.Figure, row: int, looks: pd.DataFrame, data: ReportData) -> str:
    steps = looks.groupby("step")
    share = 100 * steps["hit"].mean().astype(float)
    hits = {arm.arm: arm.hits.fraction for arm in data.validation.table().arms}
    guided, plain_arm = hits.get("guided"), hits.get("non-guided")
    colour, place = STYLES["guided"].colour, {"row": row, "col": 1}
    figure.add_scatter(
        x=steps["time"].first(),
        y=share,
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"size": 5},
        name="predicted crystal",
        hovertemplate="t = %{x:.3f}: %{y:.1f} %<extra></extra>",
        **place,
    )
    if guided is not None:
        figure.add_scatter(
            x=[0],
            y=[100 * guided],
            mode="markers",
            marker={"symbol": "diamond", "size": 11, "color": colour},
            cliponaxis=False,
            name="finished, guided",
            **place,
        )
    if plain_arm is not None:
        figure.add_scatter(
            x=[1, 0],
            y=[100 * plain_arm] * 2,
            mode="lines",
            line=STYLES["non-guided"].line(2),
            name="finished, non-guided",
            **place,
        )
    most = max([*share.dropna(), 100 * (guided or 0), 100 * (plain_arm or 0), 4.0])
    figure.update_yaxes(title="hits (%)", range=[-0.03 * most, 1.15 * most], **place)
    if share.dropna().empty:
        return "Hits on the way were not looked at, or nothing is required."
    return (
        f"Predicted crystals that satisfy every require: {share.iloc[0]:.0f} % at the first look, "
        f"{share.iloc[-1]:.0f} % at the last."
    )
