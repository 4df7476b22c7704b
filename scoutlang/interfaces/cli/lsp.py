"""`scout lsp`: the language server for editors."""

from __future__ import annotations

import gc
import sys

import click

from scoutlang.support.errors import ScoutError


@click.command("lsp")
@click.option(
    "--stdio", is_flag=True, expose_value=False, help="Said by many editors; there is no other way."
)
def command() -> None:
    """Serve an editor over standard input and output, by the Language Server Protocol.

    Editors start this themselves; docs/editors.md says how to tell them. It ends when the editor
    does, with 1 if that was without a word.
    """
    try:
        from scoutlang.interfaces.lsp.server import create, serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol", "cattrs", "attrs"):
            raise
        raise ScoutError(
            "E480", "the language server needs pygls, which is not installed", "pip install pygls"
        ) from None
    # Texts become many objects and hardly a cycle; looking for cycles took half of the time in long
    # programs.
    gc.set_threshold(100_000, 20, 20)
    server = create()
    serve(server)
    sys.exit(0 if server.ended else 1)
