"""The program argument, the same for every command: FILE, `-` for standard input, or `-c TEXT`; and `--format text|json`."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from scoutlang import api
from scoutlang.diagnostics.render.json import as_data
from scoutlang.diagnostics.render.text import render
from scoutlang.frontend import CheckResult
from scoutlang.frontend.reading import read_source, read_stream
from scoutlang.ir import Program
from scoutlang.source import Source

Command = TypeVar("Command", bound=Callable[..., Any])

text_option = click.option("-c", "text", metavar="TEXT", help="The program itself, instead of FILE.")
format_option = click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="What the output is for."
)


def program_argument(command: Command) -> Command:
    """Give a command the program argument; it receives ``source`` and ``output_format``."""

    @click.argument("file", required=False)
    @text_option
    @format_option
    @functools.wraps(command)
    def with_source(*args: Any, file: str | None, text: str | None, **kwargs: Any) -> Any:
        return command(*args, source=load(file, text), **kwargs)

    return with_source  # type: ignore[return-value]


def load(file: str | None, text: str | None) -> Source:
    """The program that the arguments name. Raises `click.UsageError` unless exactly one is given."""
    if (file is None) == (text is None):
        raise click.UsageError("give one program: FILE, `-` for standard input, or -c TEXT")
    if text is not None:
        return Source("<text>", text)
    assert file is not None
    return read_stream(sys.stdin.buffer, "<stdin>") if file == "-" else read_source(file)


def checked(source: Source, output_format: str) -> Program:
    """The checked program; its errors are printed and end the command with exit code 1, its warnings go to standard error, its notes are for `scout check`."""
    result = api.check_source(source)
    if result.program is None:
        show(result, output_format)
        raise click.exceptions.Exit(1)
    warnings = tuple(d for d in result.diagnostics if d.severity != "info")
    if warnings:
        click.echo(render(warnings, source), err=True)
    return result.program


def show(result: CheckResult, output_format: str) -> None:
    """Print what checking found: messages on standard error, or all of it as JSON on standard output."""
    if output_format == "text":
        if result.diagnostics:
            click.echo(render(result.diagnostics, result.source), err=True)
        return
    program = result.program.model_dump(mode="json") if result.program else None
    echo_json({"ok": result.ok, "diagnostics": as_data(result.diagnostics, result.source), "program": program})


def echo_json(data: Any) -> None:
    """Print plain data as JSON."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))
