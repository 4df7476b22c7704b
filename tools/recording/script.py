"""What is typed: the inputs of a session in the form that `scout replay` reads. A comment in a line
of its own is a caption and is not typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from scoutlang.interfaces.repl.inputs import unfinished

_TAB = re.compile(r"Tab behind (\S+)")


@dataclass(frozen=True)
class Input:
    """One input of the session."""

    lines: tuple[str, ...]
    """As typed."""
    caption: str = ""
    """What is said about it and those after it, empty if nothing is."""

    @property
    def tab_behind(self) -> str:
        """Behind which text Tab is pressed instead of writing on, as the caption says; empty if
        nowhere.
        """
        found = _TAB.search(self.caption)
        return found[1] if found else ""


def inputs(text: str) -> Iterator[Input]:
    """The inputs of a script, in order."""
    caption, lines = "", []
    for line in text.splitlines():
        if line.startswith("# "):
            caption = line.removeprefix("# ")
            continue
        lines.append(line)
        if not unfinished("".join(f"{one}\n" for one in lines)):
            yield Input(tuple(lines), caption)
            caption, lines = "", []
