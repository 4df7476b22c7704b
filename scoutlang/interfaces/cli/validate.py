"""`scout validate`: judge a run again, or structures that something else has made."""

from __future__ import annotations

from pathlib import Path

import click

from scoutlang.interfaces.cli._judge_options import judge_options
from scoutlang.interfaces.cli._program_argument import color_option, echo_json, format_option
from scoutlang.interfaces.cli._run_or_structures import open_run, run_or_structures


@click.command("validate")
@run_or_structures
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the new run, for structures (default: runs/NAME).",
)
@judge_options
@format_option
@color_option
def command(
    source: Path,
    file: str | None,
    baseline: Path | None,
    out: Path | None,
    potential: str | None,
    reference: str | None,
    output_format: str,
) -> None:
    """Judge structures: hits, uniqueness, energy above the hull, novelty, SCOUT.

    RUN_OR_STRUCTURES is the folder of a run, finished or not; or structures from elsewhere: a
    folder of CIF files, an extxyz file, the folder that MatterGen wrote. Those become a run folder
    of their own, with --non-guided as the arm to compare with. What was judged before is not judged
    again, so an interrupted validation goes on where it was.
    """
    from rich.console import Console

    from scoutlang.interfaces.display import judge_shown

    run = open_run(source, file, baseline, out, "--out", output_format)
    quiet = output_format == "json"
    try:
        found = judge_shown(run, quiet=quiet, potential=potential, reference=reference)
    except KeyboardInterrupt:
        click.echo(
            f"interrupted; what is judged is kept\n  continue: scout validate {run.path}",
            err=True,
        )
        raise
    if quiet:
        echo_json(found.to_json())
    else:
        Console().print(found.tables())
