"""`scout check`: are these programs right, and what do they mean?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from scoutlang.interfaces import api
from scoutlang.interfaces.cli._program_argument import (
    PROGRAM_ERROR,
    choice_of_format,
    color_option,
    document,
    echo_json,
    echo_messages,
    read,
    set_option,
    text_option,
    unreadable,
)
from scoutlang.ir import Program
from scoutlang.ir.source import Source
from scoutlang.language.diagnostics import Diagnostic
from scoutlang.support.errors import ScoutError
from scoutlang.support.shown import say
from scoutlang.support.version import __version__


@dataclass(frozen=True)
class _Checked:
    source: Source
    diagnostics: Sequence[Diagnostic]
    program: Program | None = None
    failure: ScoutError | None = None  # why the file could not be read


@click.command("check")
@click.argument("files", nargs=-1, metavar="FILE...")
@text_option
@choice_of_format(
    "text",
    "json",
    "sarif",
    "lsp",
    help="text for people, json for scripts, sarif (2.1.0) for code scanning,"
    " lsp (3.17) for editors.",
)
@color_option
@set_option
@click.option("-q", "--quiet", is_flag=True, help="Print errors and warnings only.")
def command(
    files: tuple[str, ...],
    text: str | None,
    output_format: str,
    overrides: dict[str, str],
    quiet: bool,
) -> None:
    """Check programs: all their errors in one go, or what they mean.

    FILE is a path, or `-` for standard input. Exit code 1 if one of them has errors.
    """
    if bool(files) == (text is not None):
        raise click.UsageError("give programs: FILE..., `-` for standard input, or -c TEXT")
    results = (
        [_check_file(file, overrides) for file in files]
        if text is None
        else [_check(Source("<text>", text, Path.cwd()), overrides)]
    )
    if quiet:
        results = [
            replace(r, diagnostics=[d for d in r.diagnostics if d.severity != "info"])
            for r in results
        ]
    match output_format:
        case "text":
            _print(results, quiet=quiet)
        case "json":
            documents = [document(r.source, r.diagnostics, r.program) for r in results]
            echo_json(
                documents[0]
                if len(documents) == 1
                else {"ok": all(d["ok"] for d in documents), "programs": documents}
            )
        case "sarif":
            from scoutlang.language.diagnostics.render import sarif

            echo_json(sarif.log([(r.source, r.diagnostics) for r in results], __version__))
        case _:
            from scoutlang.language.diagnostics.render import lsp

            echo_json([lsp.publication(r.diagnostics, r.source) for r in results])
    if any(r.program is None for r in results):
        raise click.exceptions.Exit(PROGRAM_ERROR)


def _check_file(file: str, overrides: Mapping[str, str]) -> _Checked:
    try:
        return _check(read(file), overrides)
    except ScoutError as error:
        return _Checked(*unreadable(file, error), failure=error)


def _check(source: Source, overrides: Mapping[str, str]) -> _Checked:
    result = api.check_source(source, overrides)
    return _Checked(source, result.diagnostics, result.program)


def _print(results: Sequence[_Checked], *, quiet: bool) -> None:
    for result in results:
        if result.failure:
            say(str(result.failure), err=True)
        else:
            echo_messages(result.diagnostics, result.source)
        if result.program and not quiet:
            say(f"ok: {result.source.name}\n{api.printer().summary(result.program)}")
