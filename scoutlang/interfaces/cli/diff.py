"""`scout diff`: what changed in meaning between two programs, not in spaces, comments or names of
parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from scoutlang.interfaces.cli.program_argument import (
    checked,
    color_option,
    echo_json,
    format_option,
    load,
)
from scoutlang.ir import AtomRange, Node, ParameterValue, Program, Schedule, Sweep, Term
from scoutlang.ir.diff import Change, compare
from scoutlang.ir.text import claim
from scoutlang.language.statements import SETTINGS

_DIFFERENT, _TROUBLE = 1, 2  # as diff(1)

# Part of the program → statement of the language, where they have other names.
_STATEMENTS = {"parameters": "param", "sweeps": "sweep", "language_version": "scout"}
_SETTINGS = {
    part: {entry.field: name for name, entry in table.items()} for part, table in SETTINGS.items()
}
_STYLES = {"-": "red", "+": "green", "~": "yellow"}


@click.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@format_option
@color_option
def command(old: str, new: str, output_format: str) -> None:
    """Show what changed in meaning from OLD to NEW, two programs; one may be `-`, standard input.

    Exit code 0: they mean the same, 1: they differ, 2: trouble, such as an error in one of them.
    """
    if old == new == "-":
        raise click.UsageError("only one program can be `-`")
    changes = compare(_program(old, output_format), _program(new, output_format))
    if output_format == "json":
        echo_json(
            {"same": not changes, "old": old, "new": new, "changes": [_data(c) for c in changes]}
        )
    elif changes:
        for mark, text in (line for change in changes for line in _lines(change)):
            click.secho(f"{mark} {text}", fg=_STYLES[mark])
    else:
        click.echo(f"{old} and {new} mean the same")
    if changes:
        raise click.exceptions.Exit(_DIFFERENT)


def _program(file: str, output_format: str) -> Program:
    source = load(file, None, output_format, exit_code=_TROUBLE)
    return checked(source, output_format, exit_code=_TROUBLE, warnings=False)


def _lines(change: Change) -> Iterator[tuple[str, str]]:
    """Marks, as in a diff of text, and what they are for: - goes, + comes, ~ is another."""
    old, new = change.old, change.new
    match change.kind:
        case "added":
            yield "+", _row(change, new, _entry(change, new))
        case "removed":
            yield "-", _row(change, old, _entry(change, old))
        case "changed" if "claim" in change.differs:
            yield "-", _row(change, old, _entry(change, old))
            yield "+", _row(change, new, _entry(change, new))
        case "changed" if change.differs:
            fields = (
                f"{name} {words(getattr(old, name))} → {words(getattr(new, name))}"
                for name in change.differs
            )
            yield "~", _row(change, new, f"{change.name}: {', '.join(fields)}")
        case "changed":
            yield "~", _row(change, new, f"{_entry(change, old)} → {words(new)}")
        case _:
            yield "~", _row(change, new, f"order: {words(old)} → {words(new)}")


def _row(change: Change, value: Any, text: str) -> str:
    head = value.verb if isinstance(value, Term) else _STATEMENTS.get(change.part, change.part)
    return f"{head:<8} {text}"


def _entry(change: Change, value: Any) -> str:
    """``k: 0.8`` of a setting; terms, parameters and sweeps say their names themselves."""
    return f"{_name(change)}: {words(value)}" if change.part in _SETTINGS else words(value)


def _name(change: Change) -> str | None:
    """The name in the language, where the field of the IR has another."""
    return _SETTINGS.get(change.part, {}).get(change.name or "", change.name)


def words(value: Any) -> str:
    """A value of the IR as people read it."""
    match value:
        case None:
            return "none"
        case float():
            return f"{value:.12g}"
        case Term():
            return claim(value)
        case Schedule(shape="constant"):
            return words(value.start)
        case Schedule(points=()):
            return f"{words(value.start)} -> {words(value.end)} ({value.shape})"
        case Schedule():
            return ", ".join(f"{words(strength)} at t = {words(t)}" for t, strength in value.points)
        case AtomRange():
            return str(value.low) if value.low == value.high else f"{value.low} to {value.high}"
        case ParameterValue():
            return f"{value.name} = {value.value}"
        case Sweep():
            return f"{value.name} in {{{words(value.values)}}}"
        case tuple() if value and all(isinstance(part, tuple) for part in value):
            return "".join(f"{symbol}{number if number > 1 else ''}" for symbol, number in value)
        case tuple():
            return ", ".join(map(words, value))
        case _:
            return str(value)


def _data(change: Change) -> dict[str, Any]:
    old, new = (v.to_data() if isinstance(v, Node) else v for v in (change.old, change.new))
    part = change.part
    return {
        "part": part,
        "name": _name(change),
        "kind": change.kind,
        "fields": change.differs,
        "old": old,
        "new": new,
    }
