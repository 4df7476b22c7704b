"""`scout reference`: sets of known crystals, against which generated ones are judged."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scoutlang.interfaces.cli._program_argument import (
    Command,
    echo_json,
    format_option,
    on_interruption,
)
from scoutlang.interfaces.cli._run_or_structures import say_unread
from scoutlang.support.shown import say, shown

if TYPE_CHECKING:
    from scoutlang.runs.grow import Growth

_LOWEST = 10  # kept crystals that the table of `grow` names


@click.group("reference")
def command() -> None:
    """Known crystals to judge against: add a set, grow one, list, show, verify, remove."""


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

    say_unread(Path(source))

    def progress(text: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\033[K{shown(text)}", nl=False, err=True)

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
        say("\nfinished pages are kept: the same command goes on where it stopped", err=True)
        raise
    finally:
        progress("")
    _echo(about, output_format)


def _finite(context: click.Context, option: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter("it must be a finite number", context, option)
    return value


def _ev_option(name: str, default: float, help: str) -> Callable[[Command], Command]:
    return click.option(
        name,
        metavar="eV/atom",
        type=click.FloatRange(0, 100),
        callback=_finite,
        default=default,
        show_default=True,
        help=help,
    )


@command.command("grow")
@click.argument("name")
@click.argument("system")
@click.option(
    "--from",
    "source",
    metavar="REFERENCE",
    default="mp-mini",
    show_default=True,
    help="Its crystals are the prototypes and make the hull; + joins sets.",
)
@click.option("--potential", default="chgnet", show_default=True, help="It screens and relaxes.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="How many candidates to look at, the nearest first.",
)
@_ev_option("--max-above-hull", 0.1, "Keep what is at most so far above the hull when relaxed.")
@_ev_option("--window", 1.0, "Relax what is at most so far above the hull before.")
@click.option(
    "--max-atoms",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="In the primitive cell of a prototype.",
)
@click.option("--replace", is_flag=True, help="Take the place of a set of the same name.")
@format_option
def grow(
    name: str,
    system: str,
    source: str,
    potential: str,
    limit: int,
    max_above_hull: float,
    window: float,
    max_atoms: int,
    replace: bool,
    output_format: str,
) -> None:
    """Grow the set NAME for SYSTEM (Cu-Si-P) by substitution into known crystals.

    The elements of the system take the places of those of each known crystal; what is new is
    relaxed by the potential, and kept where it is near the hull of the known crystals and of what
    else is kept. Judge against it with --reference mp-mini+NAME. When interrupted, run the same
    command again: it goes on where it was.
    """
    from scoutlang.interfaces.display import Display
    from scoutlang.potentials import load as load_potential
    from scoutlang.potentials import notice
    from scoutlang.runs.grow import grow as grow_set
    from scoutlang.runs.grow import work_folder
    from scoutlang.runs.prototypes import checked_system
    from scoutlang.support.errors import ScoutError
    from scoutlang.validation.reference import load as load_reference
    from scoutlang.validation.reference.store import check_free

    quiet = output_format == "json"
    # before anything is loaded, which takes seconds
    check_free(name, replace=replace)
    elements = checked_system([e.strip() for e in system.split("-")])
    interrupted = (
        f"interrupted; what is relaxed is kept in {work_folder(name)}\n"
        "  continue with the same command"
    )
    with on_interruption(interrupted), Display(quiet=quiet) as display:
        reference, loaded = load_reference(source), load_potential(potential)
        if licence := notice(potential):
            display.note(licence)
        growth = grow_set(
            name,
            elements,
            reference,
            loaded,
            limit=limit,
            max_above_hull=max_above_hull,
            window=window,
            max_atoms=max_atoms,
            replace=replace,
            progress=display.judging,
        )
    if quiet:
        echo_json(_grown_as_data(growth))
    else:
        _print_growth(growth, source, limit)
    if growth.about is None:
        raise ScoutError(
            "E466",
            f"no candidate is kept, so there is no set '{name}'",
            "raise --max-above-hull, --limit, --window or --max-atoms; what is relaxed stays in "
            f"{growth.folder}",
        )


def _print_growth(growth: Growth, source: str, limit: int) -> None:
    from rich.table import Table

    from scoutlang.support.screen import Screen

    console = Screen()
    counts = Table(box=None, show_header=False, pad_edge=False)
    counts.add_column(justify="right")
    counts.add_column()
    looked = len(growth.candidates)
    counts.add_row(str(growth.prototypes), "known crystals as prototypes")
    counts.add_row(str(growth.assignments), "ways to fill them")
    counts.add_row(
        str(looked), "candidates looked at, nearest first" + (" (--limit)" * (looked == limit))
    )
    for reason, count in growth.passed_over.items():
        counts.add_row(str(count), f"  passed over on the way: {reason}")
    treated = Counter(one.fate for one in growth.relaxed)
    for fate, count in growth.fates.items():
        if fate not in treated:
            counts.add_row(str(count), f"  {fate}")
    counts.add_row(str(len(growth.relaxed)), "relaxed")
    for fate, count in treated.most_common():
        counts.add_row(str(count), f"  {fate}")
    console.print(counts)
    if growth.kept:
        lowest = Table(
            "formula", "eV/atom above hull", "substitution", "prototype", "space group no."
        )
        for one in growth.kept[:_LOWEST]:
            lowest.add_row(
                one.formula,
                f"{one.height:.3f}",
                one.id.removeprefix(one.prototype).strip(),
                f"{one.prototype_formula} ({one.prototype})",
                str(one.space_group or "?"),
            )
        console.print(lowest)
        if len(growth.kept) > _LOWEST:
            console.print(f"and {len(growth.kept) - _LOWEST} more", highlight=False)
    if growth.about:
        name = growth.about["name"]
        console.print(
            f"stored as {name}; judge against --reference {source}+{name}", highlight=False
        )


def _grown_as_data(growth: Growth) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "set": growth.about,
        "prototypes": growth.prototypes,
        "assignments": growth.assignments,
        "passed_over": growth.passed_over,
        "fates": growth.fates,
        "candidates": [asdict(one) for one in growth.candidates],
    }


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
            say(f"{about['name']}: damaged: {about['damaged']}")
        else:
            say(f"{about['name']}: {about.get('count')} crystals, {about.get('licence')}")
            say(f"  cite: {about.get('citation')}")


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
            say(f"{name}: {damage}")
        if not found:
            say(f"{name}: sound")
    if found:
        raise click.exceptions.Exit(1)


@command.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Delete a set of your own."""
    from scoutlang.validation.reference import store

    store.remove(name)
    say(f"{name}: removed")


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
    say(str(about.get("name")))
    for key, value in lines.items():
        if value:
            say(f"  {key:<9} {value}")
    for note in about.get("notes", ()):
        say(f"  note      {note}")
    for reason, counted in about.get("skipped", {}).items():
        say(f"  skipped   {counted['count']} {reason}, first: {counted['first']}")
