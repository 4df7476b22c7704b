"""`scout editors`: where the definitions for editors are."""

from __future__ import annotations

import click

from scoutlang.support.resources import resource


@click.command("editors")
def command() -> None:
    """Print the folder that holds the extension for VS Code and the files for Vim.

    docs/editors.md says what to do with them.
    """
    click.echo(resource("grammar", "editors"))
