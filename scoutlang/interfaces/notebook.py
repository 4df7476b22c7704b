"""Cells that are programs, after ``%load_ext scoutlang``: ``%%scout NAME`` checks the cell and
gives it a name, with completion inside.

%%scout pairs --set k=0.4
system Cu-Si-P-Ca
require CN(Cu-P) = 4
"""

from __future__ import annotations

import argparse
import keyword
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)
from IPython.core.error import UsageError

from scoutlang.interfaces import completion
from scoutlang.interfaces.api import ProgramError, ProgramText, parse, printer
from scoutlang.language.diagnostics.render.text import render

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

MAGIC = "%%scout"


def register(shell: InteractiveShell) -> None:
    """Add the cell magic and the completion to a shell; twice does no harm."""

    def scout(line: str, cell: str) -> ProgramText | None:
        return _taken(shell, line, cell)

    shell.magics_manager.register_function(scout, magic_kind="cell", magic_name=MAGIC.lstrip("%"))
    if shell.Completer is not None and _complete not in shell.Completer.custom_matchers:
        context_matcher()(_complete)
        shell.Completer.custom_matchers.append(_complete)


def _taken(shell: InteractiveShell, line: str, cell: str) -> ProgramText | None:
    """Check a cell and say what it means. It gets its name, or without one is the value of the
    cell. Raises ProgramError, and the name stays what it was.
    """
    given = _options(line)
    written = parse(cell, name=given.name or "<cell>").set(**dict(given.set))
    result = written.check()
    if result.program is None:
        raise ProgramError(result)
    if given.name is None:
        return written
    if result.diagnostics:
        click.echo(render(result.diagnostics, result.source))
    click.echo(printer().summary(result.program))
    shell.user_ns[given.name] = written
    return None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:  # argparse would leave the process
        raise UsageError(f"{message}\n{self.format_usage()}")


def _options(line: str) -> argparse.Namespace:
    parser = _Parser(prog=MAGIC, add_help=False)
    parser.add_argument("name", nargs="?", type=_identifier)
    parser.add_argument("--set", action="append", default=[], type=_setting, metavar="NAME=VALUE")
    try:
        return parser.parse_args(shlex.split(line))
    except ValueError as error:  # a quotation mark without its partner
        raise UsageError(f"{error}\n{parser.format_usage()}") from None


def _identifier(text: str) -> str:
    if not text.isidentifier() or keyword.iskeyword(text):
        raise argparse.ArgumentTypeError(f"{text!r} cannot be the name of a variable")
    return text


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _complete(context: CompletionContext) -> SimpleMatcherResult:
    """What may stand at the cursor of a ``%%scout`` cell."""
    head, *lines = context.full_text.split("\n")
    if not (context.cursor_line and head.split()[:1] == [MAGIC]):
        return SimpleMatcherResult(completions=[])
    body = "\n".join(lines)
    offset = (
        sum(len(line) + 1 for line in lines[: context.cursor_line - 1]) + context.cursor_position
    )
    found = completion.complete(body, offset, folder=Path.cwd())
    typed = body[found[0].start : offset] if found else context.token
    # where nothing fits, what is there already: without any completion of ours IPython would offer
    # those of Python
    completions = [SimpleCompletion(one.text, type=one.kind) for one in found] or [
        SimpleCompletion(typed, type="text")
    ]
    return SimpleMatcherResult(completions=completions, matched_fragment=typed, suppress=True)
