"""`scout export`: structures of a run in the form that another program reads."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from scoutlang.interfaces.cli._judge_options import judge_options
from scoutlang.interfaces.cli._program_argument import PATH, color_option
from scoutlang.ir import ARMS, Arm
from scoutlang.support.shown import say

if TYPE_CHECKING:
    from scoutlang.report.exports import Geometry, Which


class _Command(click.Command):
    """Its help ends with a table of the forms; they are looked for only there."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from scoutlang.report.exports import formats

        with formatter.section("Formats"):
            formatter.write_dl(
                [(name, f"{one.about}; makes a {one.makes}") for name, one in formats().items()]
            )


@click.command("export", cls=_Command)
@click.argument("folder", type=PATH, metavar="RUN_FOLDER")
@click.argument("form", metavar="FORMAT")
@click.option("--out", "target", type=PATH, required=True, help="The file or folder to make.")
@click.option(
    "--which",
    type=click.Choice(["all", "hits", "candidates"]),
    default="all",
    show_default=True,
    help="Which structures; a candidate leaves in the geometry in which it is one.",
)
@click.option(
    "--arm",
    "arms",
    type=click.Choice(ARMS),
    multiple=True,
    help="Of that arm only; several times for several (default: all).",
)
@click.option(
    "--geometry",
    type=click.Choice(["sampled", "energy", "constraint"]),
    help="As sampled (default), relaxed by the energy alone, or with the constraint.",
)
@click.option(
    "--licence",
    default="",
    metavar="SPDX",
    help="Of the data, such as CC-BY-4.0 or a URL; stands in what has a place for it.",
)
@click.option(
    "--author", "authors", multiple=True, metavar="NAME", help="Of the data; several times."
)
@click.option("--overwrite", is_flag=True, help="Put an earlier export out of its place.")
@judge_options
@color_option
def command(
    folder: Path,
    form: str,
    target: Path,
    which: str,
    arms: tuple[Arm, ...],
    geometry: str | None,
    licence: str,
    authors: tuple[str, ...],
    overwrite: bool,
    **judges: str | None,
) -> None:
    """Structures of a run in the form that another program reads.

    Each says by which potential its energies are, in which geometry it is, and that this is no DFT.
    docs/handing-over.md shows how each form is read. Files for calculating candidates (CIF, POSCAR,
    inputs) are made by `scout candidates --export`.
    """
    from scoutlang.interfaces.display import judge_shown
    from scoutlang.report.exports import check, export

    check(form, target, overwrite=overwrite)  # before the judging, which may take minutes
    judged = judge_shown(folder, quiet=False, **judges)
    done = export(
        judged,
        form,
        target,
        which=cast("Which", which),
        arms=arms,
        geometry=cast("Geometry | None", geometry),
        licence=licence,
        authors=authors,
        overwrite=overwrite,
    )
    say(f"{done.structures} structures in {done.path}")
    if not judged.run.finished:
        arms_there = Counter(record.arm for record in judged.validation.records)
        there = ", ".join(f"{arm} {count}" for arm, count in arms_there.items())
        wanted = judged.run.program.sample.count
        say(
            f"the run is not finished: of {wanted} structures in an arm there are {there}", err=True
        )
    for reason, count in done.left_out.items():
        say(f"{count} left out: {reason}")
