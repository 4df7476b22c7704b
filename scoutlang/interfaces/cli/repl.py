"""`scout repl`, which `scout` alone opens on a terminal: a hypothesis is built statement by
statement.
"""

from __future__ import annotations

import importlib
import io
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scoutlang.interfaces.cli._program_argument import color_option
from scoutlang.interfaces.interrupts import deferred, pressing
from scoutlang.ir import Program
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import followed
from scoutlang.support.resources import data_folder
from scoutlang.support.shown import say

if TYPE_CHECKING:
    from scoutlang.runs.run import Watcher

_WIDTH = 100  # columns where there is no terminal
_EDITORS = ("nano", "micro", "vim", "vi", "emacs", "notepad")
_OFF = ("0", "no", "off")  # of SCOUT_RECORD


class Scout:
    """The `Host` of a session: what the commands of the command line say, in their words."""

    @property
    def width(self) -> int:
        return shutil.get_terminal_size((_WIDTH, 24)).columns

    def command(self, arguments: Sequence[str]) -> tuple[str, bool]:
        from scoutlang.interfaces.cli import commands

        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            try:
                code = commands.main(list(arguments), prog_name="scout", standalone_mode=False)
            except click.ClickException as error:
                say(f"error: {error.format_message()}")
                code = error.exit_code
        return said.getvalue().rstrip("\n"), not code

    def measured(self, program: Program, paths: Sequence[str]) -> tuple[str, bool]:
        from scoutlang.interfaces.cli.measure import measured, show

        if "torch" not in sys.modules:
            self.note("loading what measures")
        with deferred():
            importlib.import_module("scoutlang.evaluation.measure")

        results, crystals, errors = measured(program, paths)
        said = io.StringIO()
        with redirect_stdout(said):
            if results:
                show(program, results, crystals, width=self.width)
        lines = [line.rstrip() for line in said.getvalue().splitlines() if line.strip()]
        return "\n".join([*lines, *(str(error) for error in errors)]), not errors

    def note(self, text: str) -> None:
        say(text, err=True)

    @contextmanager
    def watching(self) -> Iterator[Watcher]:
        with deferred():
            from scoutlang.interfaces.display import Display

        with Display(quiet=False, transient=True) as display:
            yield display

    @property
    def interactive(self) -> bool:
        """Whether somebody sits in front of it."""
        return sys.stdin.isatty() and sys.stdout.isatty()

    def edit(self, file: Path) -> None:
        if not self.interactive:
            raise ScoutError(
                "E705",
                "there is nobody who edits",
                "in a file for scout replay, lines below :edit that begin with `|` are the text",
            )
        with pressing(lambda: None):  # Ctrl-C is for the editor
            try:
                click.edit(filename=str(file))
            except click.ClickException as error:
                raise ScoutError("E705", error.format_message(), _other_editor()) from None
            except ValueError as error:  # a quotation mark without its partner
                raise ScoutError(
                    "E705", f"the editor's name cannot be read ({error})", _other_editor()
                ) from None

    def browse(self, file: Path) -> bool:
        import webbrowser

        # Without a screen the browsers that are left would take the terminal.
        screen = sys.platform in ("darwin", "win32") or any(
            map(os.environ.get, ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))
        )
        return self.interactive and screen and webbrowser.open(followed(file).as_uri())


def _other_editor() -> str:
    """What to do where the editor does not open: one that is there."""
    found = next(filter(shutil.which, _EDITORS), None)
    names = "VISUAL, else EDITOR, names the one to use"
    return (
        f"{names}: VISUAL={found} scout"
        if found
        else f"{names}; here is none of {', '.join(_EDITORS)}, so install one"
    )


def color_of() -> bool:
    """Whether messages get colours: as the options and the environment say, else on a terminal."""
    context = click.get_current_context(silent=True)
    wanted = None if context is None else context.color
    return sys.stdout.isatty() if wanted is None else wanted


@click.command("repl")
@color_option
def command() -> None:
    """Build a hypothesis statement by statement: check, measure, sample, change.

    On a terminal `scout` alone does the same. `:help` lists what can be done, docs/repl.md shows a
    session. Sessions in files are for `scout replay`.
    """
    host = Scout()
    if not host.interactive:
        raise click.UsageError(
            "the REPL needs a terminal; `scout replay FILE`, or `-`, runs a session without one"
        )
    from scoutlang.interfaces.repl.session import Session
    from scoutlang.interfaces.repl.session_file import SessionFile
    from scoutlang.interfaces.repl.terminal import talk

    kept = os.environ.get("SCOUT_RECORD") not in _OFF
    file = SessionFile(data_folder() / "sessions") if kept else None
    session = Session(host, color=color_of(), file=file)
    try:
        talk(session)
    finally:
        session.close()
