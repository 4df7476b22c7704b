"""A session from a text, line by line as somebody would type it, each input with its answer."""

from __future__ import annotations

from collections.abc import Callable

from scoutlang.repl.inputs import unfinished
from scoutlang.repl.session import Session

PROMPT, MORE = "scout> ", "     … "


def replay(session: Session, text: str, say: Callable[[str], None]) -> bool:
    """Feed the lines to the session until it quits; whether all of them were taken. What is unfinished at the end of the text is fed as it is."""
    good, pending = True, ""
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if not pending and not line.strip():
            continue
        say(f"{MORE if pending else PROMPT}{line}".rstrip())
        pending += f"{line}\n"
        if line.strip() and unfinished(pending) and number < len(lines):
            continue
        reply = session.feed(f"{pending}\n")
        pending = ""
        if reply.text:
            say(reply.text)
        good = good and reply.ok
        if reply.quit:
            break
    return good
