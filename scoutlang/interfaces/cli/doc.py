"""`scout doc`: the manual, page by page or whole."""

from __future__ import annotations

import click

from scoutlang.descriptors import broken
from scoutlang.interfaces import manual
from scoutlang.interfaces.cli._program_argument import choice_of_format, echo_json
from scoutlang.language.diagnostics.suggest import did_you_mean


@click.command("doc")
@click.argument("name", required=False)
@choice_of_format("text", "markdown", "json")
@click.option(
    "--manual",
    "whole",
    is_flag=True,
    help="The whole manual as Markdown; docs/language.md is made by it.",
)
def command(name: str | None, output_format: str, whole: bool) -> None:
    """Say what the language has.

    NAME is a statement, a function, a descriptor, a setting, a unit, a module of the library
    (std.polyhedra), one of its definitions (std.polyhedra.octahedron) or a code (E041).
    `statements`, `functions`, `descriptors`, `settings`, `units`, `std` and `codes` are all of a
    kind. Without NAME: everything, a line each.
    """
    if whole:
        if name is not None or output_format == "json":
            raise click.UsageError("--manual takes neither NAME nor another format than markdown")
        click.echo(manual.manual(), nl=False)
        return
    pages = manual.pages()
    problems = broken()
    for descriptor, problem in problems.items():
        if name in (None, "descriptors", descriptor):
            click.echo(str(problem), err=True)
    found = pages if name is None else manual.find(name, pages)
    if not found and name in problems:
        raise click.exceptions.Exit(1)
    if not found:
        names = [n for p in pages for n in (p.name, p.name.rpartition(".")[2])]
        hint = did_you_mean(name or "", names) or "`scout doc` lists what there is"
        raise click.UsageError(f"nothing is called `{name}`; {hint}")
    if output_format == "json":
        echo_json([manual.as_data(p) for p in found])
    elif output_format == "markdown":
        click.echo("\n\n".join(manual.as_markdown(p) for p in found))
    elif name is None or name in manual.TOPICS:
        click.echo(manual.overview(found) if name is None else manual.listed(found))
    else:
        click.echo("\n\n\n".join(manual.as_text(p) for p in found))
