"""`scout replay`: the inputs of a session from a file, each with what it is answered."""

from __future__ import annotations

import click

from scoutlang.interfaces.cli._program_argument import color_option, read


@click.command("replay")
@click.argument("file")
@color_option
def command(file: str) -> None:
    """Run a session again.

    FILE holds what was typed, as `:history FILE` writes it; `-` is standard input. An input that is
    refused is shown with its error, and the next one is run all the same; then the exit code is 1.
    """
    from scoutlang.interfaces.cli.repl import Scout, color_of
    from scoutlang.interfaces.repl.interpreter import replay
    from scoutlang.interfaces.repl.session import Session

    source = read(file)
    session = Session(Scout(), folder=source.folder if file != "-" else None, color=color_of())
    try:
        if not replay(session, source.text, click.echo):
            raise click.exceptions.Exit(1)
    finally:
        session.close()
