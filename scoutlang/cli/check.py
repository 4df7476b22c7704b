"""`scout check`: is this program right, and what does it mean?"""

from __future__ import annotations

import click

from scoutlang import api
from scoutlang.cli.program_argument import program_argument, show
from scoutlang.cli.program_summary import summary
from scoutlang.source import Source


@click.command("check")
@program_argument
def command(source: Source, output_format: str) -> None:
    """Check a program: all its errors in one go, or what it means."""
    result = api.check_source(source)
    show(result, output_format)
    if result.program is None:
        raise click.exceptions.Exit(1)
    if output_format == "text":
        click.echo(f"ok: {source.name}\n{summary(result.program)}")
