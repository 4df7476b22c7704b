"""`scout table`: Table 1 of the paper for a folder of runs, a sweep among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scoutlang.interfaces.cli._judge_options import afresh_option, judge_options
from scoutlang.interfaces.cli._program_argument import FILE, PATH, choice_of_format
from scoutlang.support.errors import ScoutError
from scoutlang.support.shown import say


@click.command("table")
@click.argument("folders", nargs=-1, required=True, type=PATH, metavar="FOLDER...")
@choice_of_format("text", "markdown", "latex", "csv")
@click.option("--out", type=FILE, help="Write it into a file instead.")
@judge_options
@afresh_option
def command(
    folders: tuple[Path, ...],
    output_format: str,
    out: Path | None,
    **judges: Any,
) -> None:
    """The stage-wise table of the paper for runs: those in FOLDER, at any depth up to three.

    Both arms of every run: raw hits with their p-value, what is left after deduplication,
    metastability and originality, SCOUT and Y_SCOUT. Runs that are not judged yet are judged; one
    that is not finished is taken as it is. The CSV has intervals, counts and Fisher's test, too.
    """
    from scoutlang.interfaces.display import judge_shown
    from scoutlang.report.table1 import FORMATS, find_runs, row
    from scoutlang.runs.folder import writing
    from scoutlang.support.files import write_named

    rows, failed = [], False
    for run in find_runs(folders):
        try:
            judged = judge_shown(run, quiet=False, write=False, **judges)
        except ScoutError as error:  # the others are still worth a table
            say(f"{run} is left out\n{error}", err=True)
            failed = True
            continue
        if not judged.run.finished:
            say(f"{run} is not finished: {len(judged.validation.records)} structures", err=True)
        rows.append(row(judged))
    text = FORMATS[output_format](rows)
    if out is None:
        say(text, nl=False)
    else:
        with writing(out.parent):
            write_named(out, text)
        say(f"{len(rows)} runs in {out}")
    if failed:
        raise click.exceptions.Exit(1)
