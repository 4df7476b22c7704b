"""What the commands that read a program share: FILE, `-` for standard input, or `-c TEXT`;
`--format` and `--color`; how messages are shown.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from scoutlang.interfaces import api
from scoutlang.ir import Program
from scoutlang.ir.source import Source
from scoutlang.language.diagnostics import Diagnostic
from scoutlang.language.diagnostics.render.json import as_data
from scoutlang.language.diagnostics.render.text import render
from scoutlang.language.reading import read_source, read_stream
from scoutlang.support.errors import ScoutError
from scoutlang.support.shown import say, say_json

Command = TypeVar("Command", bound=Callable[..., Any])

PROGRAM_ERROR = 1
PATH = click.Path(path_type=Path)
FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


def color_wanted(choice: str, environment: Mapping[str, str]) -> bool | None:
    """Whether messages are coloured; None leaves it to click, which colours what goes to a
    terminal.

    NO_COLOR (https://no-color.org) and FORCE_COLOR (https://force-color.org) count when they are
    not empty.
    """
    if choice != "auto":
        return choice == "always"
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return False if environment.get("TERM") == "dumb" else None


def _set_color(context: click.Context, option: click.Parameter, choice: str) -> None:
    context.color = color_wanted(choice, os.environ)


def choice_of_format(
    *formats: str, help: str = "What the output is for."
) -> Callable[[Command], Command]:
    """``--format``, the first one if nothing is said; a command gets it as ``output_format``."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help=help,
    )


format_option = choice_of_format("text", "json")
text_option = click.option(
    "-c", "text", metavar="TEXT", help="The program itself, instead of FILE."
)
color_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    expose_value=False,
    callback=_set_color,
    help="Colour in messages; auto: on a terminal, unless NO_COLOR or FORCE_COLOR is set.",
)


def _overrides(
    context: click.Context, option: click.Parameter, given: Sequence[str]
) -> dict[str, str]:
    for item in given:
        if "=" not in item:
            raise click.BadParameter(
                f"`{item}` is not NAME=VALUE, for example rc=2.5Å", context, option
            )
    return {
        name.strip(): value.strip() for name, _, value in (item.partition("=") for item in given)
    }


set_option = click.option(
    "--set",
    "overrides",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_overrides,
    help="Another value for a `param` or a setting of `guide`, `sample` or `relax`;"
    " may be given several times.",
)


def program_argument(command: Command) -> Command:
    """Give a command the arguments of a program: ``file`` and ``text`` for `load`,
    ``output_format`` and ``overrides`` for `checked`.
    """
    file = click.argument("file", required=False)
    return file(text_option(format_option(color_option(set_option(command)))))


def load(
    file: str | None,
    text: str | None,
    output_format: str = "text",
    *,
    exit_code: int = PROGRAM_ERROR,
) -> Source:
    """The program that the arguments name; one that cannot be read is reported and ends the command
    with ``exit_code``.

    Raises `click.UsageError` unless exactly one is given.
    """
    if (file is None) == (text is None):
        raise click.UsageError("give one program: FILE, `-` for standard input, or -c TEXT")
    if text is not None:
        return Source("<text>", text, Path.cwd())
    assert file is not None
    try:
        return read(file)
    except ScoutError as error:
        if not os.path.exists(file):
            error.hint += "; `-c TEXT` takes the program from the command line"
        if output_format == "text":
            say(str(error), err=True)
        else:
            echo_json(document(*unreadable(file, error), None))
        raise click.exceptions.Exit(exit_code) from None


def read(file: str) -> Source:
    """The program in a file, ``-`` for standard input. Raises `ScoutError` E001, E002 or E003."""
    return (
        replace(read_stream(sys.stdin.buffer, "<stdin>"), folder=Path.cwd())
        if file == "-"
        else read_source(file)
    )


def unreadable(file: str, error: ScoutError) -> tuple[Source, tuple[Diagnostic, ...]]:
    """A failure to read a file as other formats than text say it: a message about a program without
    text.
    """
    return Source("<stdin>" if file == "-" else file, ""), (
        Diagnostic(error.code, error.message, help=error.hint),
    )


def checked(
    source: Source,
    output_format: str,
    overrides: Mapping[str, str] | None = None,
    *,
    exit_code: int = PROGRAM_ERROR,
    warnings: bool = True,
) -> Program:
    """The checked program; its errors are printed and end the command with ``exit_code``, its
    warnings go to standard error, its notes are for `scout check`.
    """
    result = api.check_source(source, overrides)
    if result.program is None:
        if output_format == "text":
            echo_messages(result.diagnostics, source)
        else:
            echo_json(document(source, result.diagnostics, None))
        raise click.exceptions.Exit(exit_code)
    if warnings:
        echo_messages([d for d in result.diagnostics if d.severity != "info"], source)
    return result.program


def echo_messages(diagnostics: Sequence[Diagnostic], source: Source) -> None:
    """Print messages on standard error, for people."""
    if diagnostics:
        # click takes the colours out again where they are not wanted.
        click.echo(render(diagnostics, source, color=True), err=True)


def document(
    source: Source, diagnostics: Sequence[Diagnostic], program: Program | None
) -> dict[str, Any]:
    """What there is to say about one program, for other programs."""
    return {
        "file": source.name,
        "ok": program is not None,
        "diagnostics": as_data(diagnostics, source),
        "program": program.to_data() if program else None,
    }


@contextmanager
def on_interruption(text: str) -> Iterator[None]:
    """Say that when Ctrl-C ends the block, which it does."""
    try:
        yield
    except KeyboardInterrupt:
        say(text, err=True)
        raise


def fail_if_any(problems: Sequence[ScoutError]) -> None:
    """Say what was wrong beside what was done; where there is anything, the exit code is 1."""
    for problem in problems:
        say(str(problem), err=True)
    if problems:
        raise click.exceptions.Exit(1)


def echo_json(data: Any) -> None:
    """Print plain data as JSON."""
    say_json(data)
