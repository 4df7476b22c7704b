"""`scout doctor`: what of scoutlang works on this machine, and the commands that bring the rest."""

from __future__ import annotations

import sys
from itertools import groupby

import click

from scoutlang.interfaces.cli._program_argument import color_option, echo_json, format_option
from scoutlang.support.colours import TERMINAL

_MARKS = {
    "ok": ("✓", TERMINAL["+"]),
    "optional": ("–", TERMINAL["~"]),
    "missing": ("✗", TERMINAL["-"]),
}


@click.command("doctor")
@click.option(
    "--try/--no-try",
    "tried",
    default=True,
    show_default=True,
    help="Sample one crystal and ask for its energy as well (ten seconds).",
)
@format_option
@color_option
def command(tried: bool, output_format: str) -> None:
    """Say what works on this machine: versions, threads, devices, models, potentials, reference
    sets, folders; and for what is missing the command that brings it.

    Exit code 1 if `scout run` with its defaults would not work.
    """
    from scoutlang.interfaces.doctor import findings

    if tried and sys.stderr.isatty():
        click.echo("one crystal is sampled, too; --no-try leaves that out", err=True)
    found = []
    for section, group in groupby(findings(tried=tried), key=lambda one: one.section):
        of_it = list(group)
        found += of_it
        if output_format == "text":
            click.echo(section)
            for one in of_it:
                mark, ink = _MARKS[one.state]
                click.echo(f"  {click.style(mark, fg=ink.name)} {one.name:<18} {one.said}")
                if one.remedy:
                    click.echo(f"    {'':<18} {one.remedy}")
    broken = [one for one in found if one.state == "missing"]
    if output_format == "json":
        echo_json([one.to_data() for one in found])
    elif broken:
        names = ", ".join(one.name for one in broken)
        click.echo(f"`scout run` with its defaults does not work here: {names}")
    else:
        click.echo("`scout run` works here")
    if broken:
        raise click.exceptions.Exit(1)
