"""Talking to a session."""

from __future__ import annotations

from scoutlang.repl.session import Session


def talk(session: Session, *lines: str) -> list[str]:
    """What each input was answered; every one was taken."""
    replies = [session.feed(line) for line in lines]
    assert all(reply.ok for reply in replies), [reply.text for reply in replies]
    return [reply.text for reply in replies]
