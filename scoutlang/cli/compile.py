"""`scout compile`: a program at the stages it goes through."""

from __future__ import annotations

import json

import click

from scoutlang import api
from scoutlang.cli.program_argument import checked, echo_json, program_argument, set_option
from scoutlang.frontend.ast import as_data
from scoutlang.source import Source


@click.command("compile")
@program_argument
@set_option
@click.option("--emit", type=click.Choice(["ast", "ir", "loss"]), default="ir", show_default=True, help="The stage to print.")
def command(source: Source, output_format: str, emit: str, overrides: dict[str, str]) -> None:
    """Print the syntax tree (ast), the checked program (ir) or the loss of a program."""
    program = checked(source, output_format, overrides)
    match emit:
        case "ast":
            echo_json(as_data(api.check_source(source).module))
        case "ir":
            echo_json(program.to_data())
        case _:
            described = api.compile(program).describe()
            click.echo(json.dumps({"loss": described}, ensure_ascii=False) if output_format == "json" else described)
