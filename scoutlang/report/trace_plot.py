"""The picture of a trace: how the loss of every term fell over diffusion time, and how many
structures were hits on the way.

One panel for each term, so that no reader has to tell colours apart, with the median over the
structures and the band between the quartiles.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scoutlang.ir import Arm, Program, Term
from scoutlang.runs.trace import TRACE, guiding_terms
from scoutlang.support.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURE = "trace.png"
MAX_ROWS = 4_000_000
"""Rows that a picture is drawn from, first batches first: 2000 structures of 250 steps and 8 terms.
More do not change a median.
"""

# apart in greyscale, too
_LINE, _BAND, _WINDOW, _OTHER = "#0b3c6f", "#a9c4e0", "#f3f0e6", "#777777"
_WIDTH, _PANEL, _HITS = 4.6, 1.75, 1.55  # inches
_ONE_COLUMN = 3  # terms that stand below each other
_LONGEST_TITLE = 58  # characters
_LEAST_HITS, _LEAST_LOSS = 4.0, 0.1  # %, and natural units: what a scale shows at least
# of the upper quartiles, the share that a panel must hold: the first steps may be far above the
# others
_SHOWN, _HEADROOM = 0.9, 1.3


def draw_trace(
    folder: Path, program: Program, hits: Mapping[Arm, float | None], file: Path | None = None
) -> Path:
    """Draw the trace of a run folder into ``file``, `PICTURE` in that folder if not given; its
    ending says the format.

    hits: |C|/|R| of the finished structures of each arm, as far as known. Raises OSError;
    ValueError for a trace without rows.
    """
    from matplotlib.figure import Figure

    rows = _read(folder / TRACE)
    terms = guiding_terms(program)
    columns = 1 if len(terms) <= _ONE_COLUMN else 2
    lines = -(-len(terms) // columns)
    figure = Figure(
        figsize=(_WIDTH * columns + 1.2, _PANEL * lines + _HITS + 0.9), layout="constrained"
    )
    grid = figure.add_gridspec(lines + 1, columns, height_ratios=[_PANEL] * lines + [_HITS])
    first: Axes | None = None
    for number, term in enumerate(terms):
        row, column = divmod(number, columns)
        axes = figure.add_subplot(grid[row, column], sharex=first)
        first = first or axes
        _loss_panel(axes, term, rows[rows["term"] == term.label])
        axes.set_ylabel("loss" if column == 0 else "", fontsize=9)
        axes.tick_params(labelbottom=columns > 1 and number + columns >= len(terms))
        _frame(axes, program)
    below = figure.add_subplot(grid[lines, :], sharex=first)
    _hit_panel(below, rows, hits)
    _frame(below, program)
    below.set_xlim(1, 0)
    below.set_xlabel("diffusion time t (1 noise, 0 crystal); shaded: guidance acts", fontsize=9)
    count = rows["index"].nunique()
    figure.suptitle(f"{count} guided structures: median and quartiles", fontsize=10)

    target = file or folder / PICTURE
    with warnings.catch_warnings():
        # a name in a script that the font lacks
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        return write_whole(
            target,
            lambda path: figure.savefig(path, dpi=150, format=target.suffix.lstrip(".") or "png"),
        )


def _read(folder: Path) -> pd.DataFrame:
    parts, rows = [], 0
    for file in sorted(folder.glob("*.parquet")):
        part = pq.read_table(
            file, columns=["index", "step", "time", "term", "loss", "hit"], partitioning=None
        )
        parts.append(part)
        rows += part.num_rows
        if rows >= MAX_ROWS:
            break
    if not rows:
        raise ValueError(f"{folder} has no rows")
    found: pd.DataFrame = pa.concat_tables(parts).to_pandas()
    return found


def _loss_panel(axes: Axes, term: Term, rows: pd.DataFrame) -> None:
    steps = rows.groupby("step")
    time, defined = steps["time"].first(), 1 - rows["loss"].isna().groupby(rows["step"]).mean()
    low, middle, high = (steps["loss"].quantile(q) for q in (0.25, 0.5, 0.75))
    axes.fill_between(time, low, high, color=_BAND, linewidth=0)
    axes.plot(time, middle, color=_LINE, linewidth=1.6)
    if low.min() >= 0:
        axes.set_ylim(0, max(_HEADROOM * float(high.quantile(_SHOWN)), _LEAST_LOSS))
    # the text comes from the user: it is no formula for matplotlib
    axes.set_title(_clipped(term.text), fontsize=9, loc="left", parse_math=False)
    axes.yaxis.set_major_formatter("{x:.3g}")
    last = defined.iloc[-1]
    end = middle.iloc[-1]
    note = (
        "undefined in every structure"
        if last == 0
        else f"{end:.2g} at the end" + (f", {1 - last:.0%} undefined" if last < 1 else "")
    )
    axes.text(0.99, 0.93, note, transform=axes.transAxes, ha="right", va="top", fontsize=8)


def _hit_panel(axes: Axes, rows: pd.DataFrame, hits: Mapping[Arm, float | None]) -> None:
    looks = rows.dropna(subset=["hit"]).drop_duplicates(["index", "step"])
    steps = looks.groupby("step")
    axes.plot(
        steps["time"].first(),
        100 * steps["hit"].mean(),
        color=_LINE,
        linewidth=1.6,
        marker="o",
        markersize=3,
        label="predicted crystal x̂0",
    )
    guided, plain = hits.get("guided"), hits.get("non-guided")
    if guided is not None:
        axes.plot(
            [0],
            [100 * guided],
            color=_LINE,
            marker="D",
            markersize=6,
            linestyle="none",
            clip_on=False,
            zorder=3,
            label="finished",
        )
    if plain is not None:
        axes.axhline(
            100 * plain,
            color=_OTHER,
            linewidth=1.2,
            linestyle="--",
            label="finished, without guidance",
        )
    axes.set_title("satisfy every require", fontsize=9, loc="left")
    axes.set_ylabel("hits (%)", fontsize=9)
    axes.set_ylim(0, 1.2 * max(axes.get_ylim()[1], _LEAST_HITS))
    axes.legend(fontsize=8, frameon=False, loc="upper left")


def _frame(axes: Axes, program: Program) -> None:
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.axvspan(program.guide.since, program.guide.until, color=_WINDOW, linewidth=0, zorder=-1)


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 1]}…"
