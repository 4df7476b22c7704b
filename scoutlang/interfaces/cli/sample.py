"""`scout sample`: make a share of the structures of a run, beside other jobs that make theirs."""

from __future__ import annotations

import re
from pathlib import Path

import click

from scoutlang.interfaces.cli._program_argument import PATH, on_interruption
from scoutlang.support.shown import say


def _share(context: click.Context, option: click.Parameter, given: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,7})/(\d{1,7})", given)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise click.BadParameter(f"`{given}` is not I/N, for example 3/100", context, option)
    return int(found[1]), int(found[2])


@click.command("sample")
@click.argument("folder", type=PATH, metavar="RUN_FOLDER")
@click.option(
    "--share",
    metavar="I/N",
    default="1/1",
    show_default=True,
    callback=_share,
    help="The I-th of N shares, as equal as there are batches.",
)
def command(folder: Path, share: tuple[int, int]) -> None:
    """Make a share of the structures of a run that `scout run --only-begin` has begun.

    For an array of jobs on a cluster without a place for a process that waits for them; all see
    RUN_FOLDER. A share that was interrupted goes on with the same command. Afterwards
    `scout run --resume --out RUN_FOLDER` judges and relaxes; it also makes what is missing.
    """
    from scoutlang.runs.folder import RunFolder
    from scoutlang.runs.part import sample_share

    run = RunFolder.open(folder)
    number, shares = share
    again = f"scout sample {folder} --share {number}/{shares}"
    with on_interruption(f"interrupted; finished batches are kept\n  to go on: {again}"):
        made = sample_share(run, number, shares)
    say(f"share {number} of {shares}: {made} batches made, the others were there")
