"""Talking to a session."""

from __future__ import annotations

from scoutlang.cli.repl import Scout
from scoutlang.repl.session import Session


class Wide(Scout):
    """The real host, at a width that does not hang on the terminal of the tests."""

    @property
    def width(self) -> int:
        return 100


def talk(session: Session, *lines: str) -> list[str]:
    """What each input was answered; every one was taken."""
    replies = [session.feed(line) for line in lines]
    assert all(reply.ok for reply in replies), [reply.text for reply in replies]
    return [reply.text for reply in replies]
