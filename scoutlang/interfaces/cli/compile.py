"""`scout compile`: a program at the stages it goes through."""

from __future__ import annotations

import json

import click

from scoutlang.interfaces import api
from scoutlang.interfaces.cli._program_argument import checked, echo_json, load, program_argument
from scoutlang.support.shown import say


@click.command("compile")
@program_argument
@click.option(
    "--emit",
    type=click.Choice(["ast", "ir", "loss"]),
    default="ir",
    show_default=True,
    help="The stage to print.",
)
def command(
    file: str | None, text: str | None, output_format: str, emit: str, overrides: dict[str, str]
) -> None:
    """Print the syntax tree (ast), the checked program (ir) or the loss of a program."""
    source = load(file, text, output_format)
    program = checked(source, output_format, overrides)
    match emit:
        case "ast":
            echo_json(api.check_source(source).module.as_data())
        case "ir":
            echo_json(program.to_data())
        case _:
            described = api.compile(program).describe()
            say(
                json.dumps({"loss": described}, ensure_ascii=False)
                if output_format == "json"
                else described,
                exact=True,
            )
