"""`scout fmt`: programs in the usual form."""

from __future__ import annotations

import difflib
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from scoutlang.interfaces.cli._program_argument import (
    PROGRAM_ERROR,
    color_option,
    echo_messages,
    read,
    text_option,
)
from scoutlang.ir.source import Source
from scoutlang.language.formatter import formatted
from scoutlang.support.colours import TERMINAL, Ink
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import followed, write_whole
from scoutlang.support.shown import say, shown


@click.command("fmt")
@click.argument("files", nargs=-1, metavar="FILE...")
@text_option
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; name the files that would change, and exit with 1 if there are any.",
)
@click.option(
    "--diff",
    is_flag=True,
    help="Write nothing; show what would change, and exit with 1 if there is anything.",
)
@color_option
def command(files: tuple[str, ...], text: str | None, check: bool, diff: bool) -> None:
    """Write programs in the usual form: spaces, spellings of units and signs, one statement a line.

    Comments and the blank lines between groups stay, and so does the meaning. A FILE is rewritten
    in place; `-`, standard input, and `-c TEXT` go to standard output. A program that cannot be
    read is left as it is, with messages and exit code 1.
    """
    if bool(files) == (text is not None):
        raise click.UsageError("give programs: FILE..., `-` for standard input, or -c TEXT")
    names: Sequence[str | None] = files or [None]
    right = [_format(name, text, check=check, diff=diff) for name in names]
    if not all(right):
        raise click.exceptions.Exit(PROGRAM_ERROR)


def _format(file: str | None, text: str | None, *, check: bool, diff: bool) -> bool:
    """Format one program; whether all is well with it."""
    try:
        source = Source("<text>", text or "") if file is None else read(file)
    except ScoutError as error:
        say(str(error), err=True)
        return False
    result = formatted(source)
    if result.text is None:
        echo_messages(result.diagnostics, source)
        return False
    changed = result.text != source.text
    if diff:
        _show(source, result.text)
    if check and changed:
        say(f"would change: {source.name}", err=diff)
    if check or diff:
        return not changed
    if file in (None, "-"):
        say(result.text, nl=False, exact=True)
    elif changed:
        assert file is not None
        _rewrite(Path(file), result.text)
        say(f"formatted: {source.name}")
    return True


def _rewrite(path: Path, text: str) -> None:
    def write(temporary: Path) -> None:
        temporary.write_bytes(text.encode())
        shutil.copymode(path, temporary)

    try:
        # A link stays one: the file that it leads to is replaced.
        write_whole(followed(path), write)
    except OSError as error:
        raise ScoutError("E001", f"{path}: cannot be written ({error.strerror})") from None


def _show(source: Source, text: str) -> None:
    """The difference, as `diff -u` has it."""
    old, new = (re.findall(r"[^\n]*\n|[^\n]+", t) for t in (source.text, text))
    for line in difflib.unified_diff(old, new, source.name, f"{source.name} (formatted)"):
        colour = TERMINAL.get(line[0], Ink()).name or None
        text = line.removesuffix("\n")
        text = shown(text) if sys.stdout.isatty() else text
        click.secho(text, fg=colour, bold=line.startswith(("---", "+++")))
        if not line.endswith("\n"):
            say("\\ No newline at end of file")
