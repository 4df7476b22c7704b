"""`scout measure`: every term of a program on given structures."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scoutlang.interfaces.api import printer
from scoutlang.interfaces.cli._program_argument import (
    checked,
    color_option,
    echo_json,
    fail_if_any,
    format_option,
    load,
    set_option,
    text_option,
)
from scoutlang.interfaces.cli._run_or_structures import ordered_option, say_unread
from scoutlang.ir import Compare, Program, Term, comparisons
from scoutlang.support.errors import ScoutError

if TYPE_CHECKING:
    from pymatgen.core import Structure
    from rich.table import Table

    from scoutlang.evaluation.measurement import Measurement, Part, TermMeasurement

_TOO_CLOSE = 0.5  # Å; pymatgen's own tolerance for a structure that can be
_NARROWEST = 120
# columns of the text of a term, at least; where a table leaves it less, what is measured stands
# below the term
_LINE = 24
_ENDLESS = 10_000
_HARD = "\N{NO-BREAK SPACE}"
_VERDICTS = {True: "HIT", False: "miss", None: "undefined"}


@click.command("measure")
@click.argument("paths", nargs=-1, metavar="FILE.scout STRUCTURES...")
@text_option
@set_option
@ordered_option
@format_option
@color_option
def command(
    paths: tuple[str, ...],
    text: str | None,
    overrides: dict[str, str],
    ordered: bool,
    output_format: str,
) -> None:
    """Measure every term on structures: soft and exact values, margins, hit or miss.

    STRUCTURES are CIF, extxyz, POSCAR, .res, .json or .xsf files or tensors of models, archives,
    folders or lists of these. With -c TEXT all arguments are structures. Exit code 1 if a structure
    cannot be read; the others are measured all the same.
    """
    named = paths[:1] if text is None else ()
    file, structures = next(iter(named), None), paths[len(named) :]
    misplaced = any(p.endswith(".scout") for p in structures)
    if file is not None and not file.endswith(".scout") and misplaced:
        raise click.UsageError("the program comes first: scout measure FILE.scout STRUCTURES...")
    source = load(file, text, output_format)
    if not structures:
        raise click.UsageError(
            "give structures to measure: CIF, extxyz, POSCAR and other files, or a folder of these"
        )
    program = checked(source, output_format, overrides)
    for path in structures:
        say_unread(Path(path))
    results, crystals, errors = measured(program, structures, ordered=ordered)
    if output_format == "json":
        echo_json([r.to_data() for r in results])
    else:
        show(program, results, crystals)
    fail_if_any(errors)


def measured(
    program: Program, paths: Sequence[str], *, ordered: bool = False
) -> tuple[Sequence[Measurement], list[Structure], list[ScoutError]]:
    """Every structure that can be read, measured, and the errors of the others."""
    from scoutlang.crystals.io import read_structures
    from scoutlang.evaluation.measure import measure_specimens

    found = [item for path in paths for item in read_structures(path, ordered=ordered)]
    named = [item for item in found if not isinstance(item, ScoutError)]
    errors = [item for item in found if isinstance(item, ScoutError)]
    return measure_specimens(program, named), [one.crystal for one in named], errors


def show(
    program: Program,
    results: Sequence[Measurement],
    structures: Sequence[Structure],
    *,
    width: int | None = None,
) -> None:
    """width: columns; those of the terminal if None, and enough for a table where there is none."""
    from rich.measure import measure_renderables

    from scoutlang.support.screen import Screen

    console = Screen(markup=False, highlight=False, width=width)
    if width is None and not console.is_terminal:
        console.width = max(console.width, _NARROWEST)
    endless = console.options.update(width=_ENDLESS)
    for result, structure in zip(results, structures, strict=True):
        console.print(f"{result.structure}: {_VERDICTS[result.hit]}", style="bold")
        table = _table(program, result)
        if measure_renderables(console, endless, [table]).minimum <= console.width:
            console.print(table)
        else:
            for line in _list(program, result, console.width):
                console.print(line, soft_wrap=True)
        for note in _notes(program, result, structure):
            console.print(f"  note: {note}")
        console.print()
    hits, undefined = (sum(r.hit is verdict for r in results) for verdict in (True, None))
    console.print(
        f"{len(results)} measured: {hits} hit, {len(results) - hits - undefined} miss,"
        f" {undefined} undefined"
    )


def _table(program: Program, result: Measurement) -> Table:
    from rich import box
    from rich.cells import cell_len
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
        values, mark = _values(term, measured).values(), _mark(term, measured)
        table.add_row(measured.label, measured.source, *values, mark)
        for comparison, part in zip(comparisons(term.claim), measured.parts, strict=False):
            quantity, target = printer().quantity(comparison.value), printer().target(comparison)
            table.add_row("", f"  {quantity}", "", _extent(comparison, part), target, "", "")
    for place, made in enumerate(table.columns):
        widest = max((cell_len(str(cell)) for cell in made.cells), default=0)
        made.min_width = min(widest, _LINE) if place == 1 else widest
    return table


def _values(term: Term, measured: TermMeasurement) -> dict[str, str]:
    """What was measured of a term, by the columns of the table; empty where there is nothing."""
    word = _word(term, measured.exact)
    return {
        "soft": _number(measured.soft),
        "exact": word or _number(measured.exact),
        "target": printer().target(term.claim),
        "margin": "" if word else _number(measured.margin),
    }


def _list(program: Program, result: Measurement, width: int) -> Iterator[str]:
    """What the table says, for a terminal that is too narrow for it: each term, and below it what
    was measured.
    """
    for term, measured in zip(program.terms, result.terms, strict=True):
        yield from _wrapped(" ".join(measured.source.split()), width, "  ", "      ")
        values = [
            _mark(term, measured),
            *(f"{name} {value}" for name, value in _values(term, measured).items() if value),
        ]
        yield from _wrapped(
            ", ".join(value.replace(" ", _HARD) for value in values), width, "    ", "    "
        )
        for comparison, part in zip(comparisons(term.claim), measured.parts, strict=False):
            values = [f"is {_extent(comparison, part)}", f"target {printer().target(comparison)}"]
            said = ", ".join(value.replace(" ", _HARD) for value in values)
            about = f"{printer().quantity(comparison.value)} {said}"
            yield from _wrapped(about, width, "      ", "        ")


def _wrapped(text: str, width: int, first: str, rest: str) -> Iterator[str]:
    """Lines broken between words; a longer word is never cut."""
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return (line.replace(_HARD, " ") for line in lines)


def _notes(program: Program, result: Measurement, structure: Structure) -> Iterator[str]:
    """What its file says otherwise, atoms on top of each other, elements that the system lacks,
    where the value that guides and the one that judges do not agree on the verdict, and neighbours
    just beyond a radius or just within.
    """
    from scoutlang.crystals.io import IN_ONE_PLACE
    from scoutlang.evaluation.shells import barely_in, left_out

    yield from result.notes
    if not structure.is_valid(tol=_TOO_CLOSE) and not any(IN_ONE_PLACE in n for n in result.notes):
        yield (
            f"two atoms are less than {_TOO_CLOSE:g} Å apart, as no atoms are;"
            " the file may hold a site twice"
        )
    foreign = sorted(structure.composition.chemical_system_set - set(program.system))
    if foreign:
        verb = "is" if len(foreign) == 1 else "are"
        yield f"{', '.join(foreign)} {verb} not in the system, so this is no hit"
    if not program.requirements and program.formula is None:
        yield "the program requires nothing, so nothing is a hit or a miss"
    for measured in result.terms:
        soft = measured.soft_satisfied
        if None not in (soft, measured.satisfied) and soft != measured.satisfied:
            verdicts = ("holds", "fails") if soft else ("fails", "holds")
            yield (
                f"{measured.label} {verdicts[0]} by its soft value and {verdicts[1]} by the exact"
                " one; the exact one decides"
            )
    for term, measured in zip(program.terms, result.terms, strict=True):
        yield from left_out(term, measured, structure)
        yield from barely_in(term, measured, structure)


def _mark(term: Term, measured: TermMeasurement) -> str:
    from scoutlang.evaluation.measure import of_structure_alone

    if measured.satisfied is not None:
        return "✓" if measured.satisfied else "✗"
    if measured.exact is not None:
        return "reported"
    return "undefined" if of_structure_alone(term) else "not measured here"


def _word(term: Term, value: float | None) -> str:
    """The value of a claim about words or truth; empty for numbers."""
    return (
        printer().word(term.claim.value, value)
        if isinstance(term.claim, Compare) and value is not None
        else ""
    )


def _extent(comparison: Compare, part: Part) -> str:
    """``2.310 … 2.480`` over the sites, or one value."""
    if part.low is None or part.high is None:
        return "undefined"
    low, high = (printer().word(comparison.value, v) or _number(v) for v in (part.low, part.high))
    return low if low == high else f"{low} … {high}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{round(value, 3) + 0.0:.3f}"
