"""`scout measure`: every term of a program on given structures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from scoutlang.cli.program_argument import checked, color_option, echo_json, format_option, load, set_option, text_option
from scoutlang.cli.program_summary import relation_text
from scoutlang.errors import ScoutError
from scoutlang.ir import Compare, Program, Term, Wish

if TYPE_CHECKING:
    from rich.table import Table

    from scoutlang.measuring import Measurement, TermMeasurement

_NARROWEST = 120
_VERDICTS = {True: "HIT", False: "miss", None: "undefined"}


@click.command("measure")
@click.argument("paths", nargs=-1, metavar="FILE.scout STRUCTURES...")
@text_option
@set_option
@format_option
@color_option
def command(paths: tuple[str, ...], text: str | None, overrides: dict[str, str], output_format: str) -> None:
    """Measure every term on structures: soft and exact values, margins, hit or miss.

    STRUCTURES are CIF, extxyz or POSCAR files, zip archives or folders of these. With -c TEXT all arguments are structures.
    Exit code 1 if a structure cannot be read; the others are measured all the same.
    """
    file, structures = (None, paths) if text is not None else (paths[0] if paths else None, paths[1:])
    source = load(file, text, output_format)
    if not structures:
        raise click.UsageError("give structures to measure: CIF, extxyz or POSCAR files, a zip of these, or a folder")
    program = checked(source, output_format, overrides)

    from scoutlang.measuring import measure_named
    from scoutlang.structure_io import read_structures

    found = [item for path in structures for item in read_structures(path)]
    errors = [item for item in found if isinstance(item, ScoutError)]
    results = measure_named(program, [item for item in found if not isinstance(item, ScoutError)])
    if output_format == "json":
        echo_json([r.to_data() for r in results])
    else:
        _print(program, results)
    for error in errors:
        click.echo(str(error), err=True)
    if errors:
        raise click.exceptions.Exit(1)


def _print(program: Program, results: Sequence[Measurement]) -> None:
    from rich.console import Console

    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, _NARROWEST)
    for result in results:
        console.print(f"{result.structure}: {_VERDICTS[result.hit]}", style="bold")
        console.print(_table(program, result))
        for note in _notes(result):
            console.print(f"  note: {note}")
        console.print()
    hits, undefined = (sum(r.hit is verdict for r in results) for verdict in (True, None))
    console.print(f"{len(results)} measured: {hits} hit, {len(results) - hits - undefined} miss, {undefined} undefined")


def _table(program: Program, result: Measurement) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    table.add_column("term")
    table.add_column("line")
    for column in ("soft", "exact"):
        table.add_column(column, justify="right")
    table.add_column("target")
    table.add_column("margin", justify="right")
    table.add_column("")
    for term, measured in zip(program.terms, result.terms, strict=True):
        target = _target(term)
        numbers = _number(measured.soft), _number(measured.exact), target, _number(measured.margin)
        table.add_row(measured.label, measured.source, *numbers, _mark(term, measured))
    return table


def _notes(result: Measurement) -> Iterator[str]:
    """Where the value that guides and the value that judges do not agree on the verdict."""
    for measured in result.terms:
        soft = measured.soft_satisfied
        if None not in (soft, measured.satisfied) and soft != measured.satisfied:
            verdicts = ("holds", "fails") if soft else ("fails", "holds")
            yield f"{measured.label} {verdicts[0]} by its soft value and {verdicts[1]} by the exact one; the exact one decides"


def _mark(term: Term, measured: TermMeasurement) -> str:
    from scoutlang.measuring import of_structure_alone

    if measured.satisfied is not None:
        return "✓" if measured.satisfied else "✗"
    if measured.exact is not None:
        return "reported"
    return "undefined" if of_structure_alone(term) else "not measured here"


def _target(term: Term) -> str:
    match term.claim:
        case Wish(direction=direction):
            return f"as {direction} as possible"
        case Compare(relation=relation, unit=unit):
            return relation_text(relation, unit).removeprefix("= ").removeprefix("in ")
    return "true"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
