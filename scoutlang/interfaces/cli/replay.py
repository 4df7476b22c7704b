"""`scout replay`: the inputs of a session from a file, each with what it is answered."""

from __future__ import annotations

from pathlib import Path

import click

from scoutlang.interfaces.cli._program_argument import color_option, read
from scoutlang.support.shown import painted


@click.command("replay")
@click.argument("file")
@color_option
def command(file: str) -> None:
    """Run a session again.

    FILE holds what was typed, as `:history FILE` writes it; `-` is standard input. An input that is
    refused is shown with its error, and the next one is run all the same; then the exit code is 1.
    It writes new files only, in the working folder or that of FILE, and over nothing.
    """
    from scoutlang.interfaces.cli.repl import Scout, color_of
    from scoutlang.interfaces.repl.interpreter import replay
    from scoutlang.interfaces.repl.session import Session

    source = read(file)
    folder = source.folder if file != "-" else None
    below = dict.fromkeys([Path.cwd(), folder or Path.cwd()])
    session = Session(Scout(), folder=folder, color=color_of(), writes_below=[*below])
    try:
        if not replay(session, source.text, lambda text: click.echo(painted(text))):
            raise click.exceptions.Exit(1)
    finally:
        session.close()
