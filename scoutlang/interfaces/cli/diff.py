"""`scout diff`: what changed in meaning between two programs, not in spaces, comments or names of
parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from scoutlang.interfaces.api import printer
from scoutlang.interfaces.cli._program_argument import (
    checked,
    color_option,
    echo_json,
    format_option,
    load,
)
from scoutlang.ir import Node, Program, Term
from scoutlang.ir.diff import Change, compare
from scoutlang.support.colours import TERMINAL
from scoutlang.support.shown import say

_DIFFERENT, _TROUBLE = 1, 2  # exit codes, as of diff(1)
_STATEMENTS = {"parameters": "param", "sweeps": "sweep"}
"""Part of the program → statement of the language, where they have other names."""


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
            click.secho(f"{mark} {text}", fg=TERMINAL[mark].name)
    else:
        say(f"{old} and {new} mean the same")
    if changes:
        raise click.exceptions.Exit(_DIFFERENT)


def _program(file: str, output_format: str) -> Program:
    source = load(file, None, output_format, exit_code=_TROUBLE)
    return checked(source, output_format, exit_code=_TROUBLE, warnings=False)


def _lines(change: Change) -> Iterator[tuple[str, str]]:
    """Marks, as in a diff of text, and what they are for: - goes, + comes, ~ is another."""
    old, new, said = change.old, change.new, printer().value
    match change.kind:
        case "added":
            yield "+", _row(change, new, _entry(change, new))
        case "removed":
            yield "-", _row(change, old, _entry(change, old))
        case "changed" if "claim" in change.differs:
            yield "-", _row(change, old, _entry(change, old))
            yield "+", _row(change, new, _entry(change, new))
        case "changed" if change.differs:
            differences = (
                f"{name} {said(getattr(old, name))} → {said(getattr(new, name))}"
                for name in change.differs
            )
            yield "~", _row(change, new, f"{change.name}: {', '.join(differences)}")
        case "changed":
            yield "~", _row(change, new, f"{_entry(change, old)} → {said(new)}")
        case _:
            yield "~", _row(change, new, f"order: {said(old)} → {said(new)}")


def _row(change: Change, value: Any, text: str) -> str:
    head = value.verb if isinstance(value, Term) else _STATEMENTS.get(change.part, change.part)
    return f"{head:<8} {text}"


def _entry(change: Change, value: Any) -> str:
    """``k: 0.8`` of a setting; terms, parameters and sweeps say their names themselves."""
    text = printer().value(value)
    return f"{change.name}: {text}" if change.part in ("guide", "sample", "relax") else text


def _data(change: Change) -> dict[str, Any]:
    old, new = (v.to_data() if isinstance(v, Node) else v for v in (change.old, change.new))
    return {
        "part": change.part,
        "name": change.name,
        "kind": change.kind,
        "fields": change.differs,
        "old": old,
        "new": new,
    }
