"""A session from a text, line by line as somebody would type it, each input with its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from scoutlang.interfaces.repl.inputs import BELOW, is_command, marked, unfinished

if TYPE_CHECKING:
    from scoutlang.interfaces.repl.session import Session

PROMPT, MORE = "scout> ", "     … "


def replay(session: Session, text: str, say: Callable[[str], None]) -> bool:
    """Feed the lines to the session until it quits; whether all of them were taken. What is
    unfinished at the end of the text is fed as it is.
    """
    good, pending = True, ""
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    for number, line in enumerate(lines, 1):
        if not pending and not line.strip():
            continue
        say(f"{MORE if pending else PROMPT}{line}".rstrip())
        pending += f"{line}\n"
        if number < len(lines) and (
            lines[number].startswith(BELOW) or (_goes_on(line) and unfinished(pending))
        ):
            continue
        reply = session.feed(f"{pending}\n")
        pending = ""
        if reply.text:
            say(reply.text)
        good = good and reply.ok
        if reply.quit:
            break
    return good


def _goes_on(line: str) -> bool:
    """Whether an input may be unfinished after this line: not after a blank one, and what lines
    with a mark belong to ends with them.
    """
    return bool(line.strip()) and not line.startswith(BELOW)


def written(text: str) -> str:
    """An input as `replay` takes it: the lines below its first one are marked, and an unfinished
    one ends with a blank line.
    """
    first, *rest = text.split("\n")
    if rest and not is_command(first):
        rest = [marked(line) for line in rest]
    return "\n".join([first, *rest, *([""] if not rest and unfinished(first) else []), ""])
