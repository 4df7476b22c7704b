"""`scout validate`: judge a run again, or structures that something else has made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from scoutlang.interfaces.cli._judge_options import (
    afresh_option,
    judge_options,
    where_options,
    working,
)
from scoutlang.interfaces.cli._program_argument import (
    color_option,
    echo_json,
    format_option,
    on_interruption,
)
from scoutlang.interfaces.cli._run_or_structures import run_or_structures

if TYPE_CHECKING:
    from scoutlang.runs.folder import RunFolder


@click.command("validate")
@run_or_structures("--out")
@judge_options
@afresh_option
@where_options
@format_option
@color_option
def command(run: RunFolder, output_format: str, **options: Any) -> None:
    """Judge structures: hits, uniqueness, energy above the hull, novelty, SCOUT.

    RUN_OR_STRUCTURES is the folder of a run, finished or not; or structures from elsewhere: a
    folder of CIF files, an extxyz file, the folder that MatterGen wrote. Those become a run folder
    of their own, with --non-guided as the arm to compare with. What was judged before is not judged
    again, so an interrupted validation goes on where it was.
    """
    from scoutlang.interfaces.display import judge_shown
    from scoutlang.support.screen import Screen

    quiet = output_format == "json"
    again = f"scout validate {run.path}"
    with (
        on_interruption(f"interrupted; what is judged is kept\n  continue: {again}"),
        working(options.pop("workers"), options.pop("site")) as engine,
    ):
        found = judge_shown(run, quiet=quiet, engine=engine, **options)
    if quiet:
        echo_json(found.to_json())
    else:
        Screen().print(found.tables())
