"""The one exception that users may see: a code, what happened, and what to do about it. Errors of
others in a line.
"""

from __future__ import annotations

import os
import traceback
from typing import Any

from scoutlang.support.shown import shown_lines


class ScoutError(Exception):
    """A failure with a cause that the user can act on. The command line renders it as
    ``error[CODE]: message`` and a hint.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __reduce__(self) -> Any:
        """How it travels between processes."""
        return type(self), (self.code, self.message, self.hint)

    def __str__(self) -> str:
        """Safe to show: messages hold names out of files."""
        first = f"error[{self.code}]: {self.message}"
        return shown_lines(f"{first}\n  hint: {self.hint}" if self.hint else first)

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in the place of a traceback."""
        return str(self).split("\n")


def first_line(error: BaseException) -> str:
    """The kind of an error and the first line of its message, for a record or another message."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def squeezed(error: Exception) -> str:
    """The message of an error of a library in one line of at most 200 characters."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def fault(error: BaseException) -> str:
    """What is said of a fault of ours: two lines, with SCOUT_DEBUG all of it."""
    if os.environ.get("SCOUT_DEBUG"):
        return "".join(traceback.format_exception(error)).rstrip("\n")
    return (
        f"internal error: {type(error).__name__}: {error}\n"
        "  hint: this is a fault of scoutlang; SCOUT_DEBUG=1 shows where"
    )
