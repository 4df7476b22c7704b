"""`scout explain`: the manual page of an error code."""

from __future__ import annotations

import click

from scoutlang.interfaces.cli._program_argument import echo_json, format_option
from scoutlang.language.diagnostics.codes import EXPLANATIONS
from scoutlang.language.diagnostics.suggest import did_you_mean


@click.command("explain")
@click.argument("code", required=False)
@format_option
def command(code: str | None, output_format: str) -> None:
    """Explain an error code, or list all codes."""
    if code is None:
        pages = list(EXPLANATIONS.values())
    elif code.upper() in EXPLANATIONS:
        pages = [EXPLANATIONS[code.upper()]]
    else:
        hint = did_you_mean(code, EXPLANATIONS) or "`scout explain` lists them all"
        raise click.UsageError(f"no code `{code}`; {hint}")
    if output_format == "json":
        echo_json([{"code": p.code, "title": p.title, "text": p.text} for p in pages])
    elif code is None:
        click.echo("\n".join(f"{p.code}  {p.title}" for p in pages))
    else:
        click.echo(f"{pages[0].code}: {pages[0].title}\n\n{click.wrap_text(pages[0].text, 88)}")
