"""The `scout` command. One file per command, with a click command named ``command``; only the one
that is called is imported. Files with an underscore are what commands share.
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import pkgutil
import sys
import warnings
from pathlib import Path

import click

from scoutlang.language.diagnostics.suggest import did_you_mean
from scoutlang.support.errors import ScoutError, fault
from scoutlang.support.shown import say
from scoutlang.support.version import __version__

_INTERNAL_ERROR = 70  # EX_SOFTWARE of sysexits.h
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG)
"""What a disk says that is full, may not be written, or fails."""
_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class _Commands(click.Group):
    """Finds commands by the files of this package and imports them when needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = (info.name for info in pkgutil.iter_modules(__path__))
        return sorted(name for name in names if not name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = importlib.import_module(f"{__name__}.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in names:
            guess = did_you_mean(args[0], names) or f"commands are {', '.join(names)}"
            raise click.UsageError(f"no command `{args[0]}`; {guess}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="scout")
def commands() -> None:
    """Structural hypotheses about crystals: check, guide, judge."""


def _with_streams() -> None:
    """Standard streams that are not there lead nowhere: a file that is opened next would take their
    place.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
        if getattr(sys, name) is None:
            mode = "r" if number == 0 else "w"
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def main() -> None:
    """Entry point of the command line: runs a command and turns every failure into a short message
    and an exit code.

    0 ok, 1 the program or its run failed, 2 wrong usage, 70 a fault of ours, 130 interrupted.
    """
    _with_streams()
    try:
        Path.home()
    except RuntimeError:  # libraries ask for a home when they are imported; nothing can be in this
        os.environ["HOME"] = os.devnull
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show Å gets an escape, not a failure.
            stream.reconfigure(errors="backslashreplace")
    # pymatgen's, of noble gases, which has no consequence here
    warnings.filterwarnings("ignore", message="No Pauling electronegativity")
    try:
        # Alone on a terminal it is the REPL, alone elsewhere the help.
        alone = len(sys.argv) == 1 and sys.stdin.isatty() and sys.stdout.isatty()
        code = commands.main(["repl"] if alone else None, standalone_mode=False)
    except click.ClickException as error:
        text = io.StringIO()
        error.show(text)
        say(text.getvalue(), err=True, nl=False)
        # only without a terminal: somebody may want to pipe a session into it
        if len(sys.argv) == 1:
            say(
                "\nThe REPL needs a terminal; `scout replay -` runs a session from standard input.",
                err=True,
            )
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        say("interrupted", err=True)
        code = _INTERRUPTED
    except ScoutError as error:
        say(str(error), err=True)
        code = 1
    except BrokenPipeError:
        # The reader of our output left (`scout … | head`); nothing can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:
        if error.errno not in _DISK:
            say(fault(error), err=True)
            code = _INTERNAL_ERROR
        else:
            where = error.filename or "the output"
            said = ScoutError(
                "E602",
                f"cannot write {where}: {error.strerror}",
                "free space, or name another place",
            )
            say(str(said), err=True)
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 1
    except Exception as error:
        say(fault(error), err=True)
        code = _INTERNAL_ERROR
    sys.exit(code if isinstance(code, int) else 0)
