"""`scout reference`: sets of known crystals, against which generated ones are judged."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from scoutlang.interfaces.cli._program_argument import echo_json, format_option


@click.group("reference")
def command() -> None:
    """Known crystals to judge against: add a set, list, show, verify, remove."""


@command.command("add")
@click.argument("name")
@click.argument("source")
@click.option(
    "--elements",
    metavar="Cu-Si-P",
    default="",
    help="Only this chemical system, with all its sub-systems: a hull needs them.",
)
@click.option(
    "--max-atoms", type=click.IntRange(min=1), help="Only cells of at most this many atoms."
)
@click.option("--licence", default="", help="Licence of the data, where the source does not say.")
@click.option("--citation", default="", help="What to cite, where the source does not say.")
@click.option("--replace", is_flag=True, help="Take the place of a set of the same name.")
@format_option
def add(
    name: str,
    source: str,
    elements: str,
    max_atoms: int | None,
    licence: str,
    citation: str,
    replace: bool,
    output_format: str,
) -> None:
    """Store the crystals of SOURCE as the set NAME.

    SOURCE is a database known by name (alexandria, alexandria-pbesol, mp, oqmd; mp-api with a key),
    the base URL of an OPTIMADE server, a file, folder or zip of CIF, extxyz or POSCAR, or a JSON
    list of ComputedStructureEntry. After an interruption, the same command goes on.
    """
    from scoutlang.validation.reference.adding import add as add_set

    def progress(text: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\033[K{text}", nl=False, err=True)

    chosen = tuple(e.strip() for e in elements.split("-")) if elements else ()
    try:
        about = add_set(
            name,
            source,
            elements=chosen,
            max_atoms=max_atoms,
            licence=licence,
            citation=citation,
            replace=replace,
            progress=progress,
        )
    except KeyboardInterrupt:
        click.echo("\nfinished pages are kept: the same command goes on where it stopped", err=True)
        raise
    finally:
        progress("")
    _echo(about, output_format)


@command.command("list")
@format_option
def list_sets(output_format: str) -> None:
    """Every set with its size, licence and what to cite."""
    from scoutlang.support.errors import ScoutError
    from scoutlang.validation.reference.store import describe, known_names

    sets: list[dict[str, Any]] = []
    for name in known_names():
        try:
            sets.append({**describe(name), "name": name})
        except ScoutError as error:
            sets.append({"name": name, "damaged": error.message})
    if output_format == "json":
        echo_json(sets)
        return
    for about in sets:
        if "damaged" in about:
            click.echo(f"{about['name']}: damaged: {about['damaged']}")
        else:
            click.echo(f"{about['name']}: {about.get('count')} crystals, {about.get('licence')}")
            click.echo(f"  cite: {about.get('citation')}")


@command.command("show")
@click.argument("name")
@format_option
def show(name: str, output_format: str) -> None:
    """Where a set comes from, its licence and citation, and what was left out of it."""
    from scoutlang.validation.reference.store import describe

    _echo(describe(name), output_format)


@command.command("verify")
@click.argument("name")
@format_option
def verify(name: str, output_format: str) -> None:
    """Hash a set again and read each of its crystals. Exit code 1 when it is damaged."""
    from scoutlang.validation.reference.store import damages

    found = list(damages(name))
    if output_format == "json":
        echo_json({"name": name, "sound": not found, "damages": found})
    else:
        for damage in found:
            click.echo(f"{name}: {damage}")
        if not found:
            click.echo(f"{name}: sound")
    if found:
        raise click.exceptions.Exit(1)


@command.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Delete a set of your own."""
    from scoutlang.validation.reference import store

    store.remove(name)
    click.echo(f"{name}: removed")


def _echo(about: Mapping[str, Any], output_format: str) -> None:
    if output_format == "json":
        echo_json(about)
        return
    asked = {key: value for key, value in about.get("query", {}).items() if value is not None}
    lines = {
        "crystals": about.get("count"),
        "source": about.get("source"),
        "query": ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in asked.items()),
        "date": about.get("date"),
        "licence": about.get("licence"),
        "cite": about.get("citation"),
        "sha256": about.get("sha256"),
    }
    click.echo(about.get("name"))
    for key, value in lines.items():
        if value:
            click.echo(f"  {key:<9} {value}")
    for reason, counted in about.get("skipped", {}).items():
        click.echo(f"  skipped   {counted['count']} {reason}, first: {counted['first']}")
