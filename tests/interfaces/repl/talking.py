"""Talking to a session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scoutlang.interfaces.cli.repl import Scout
from scoutlang.interfaces.repl.interpreter import feed
from scoutlang.interfaces.repl.session import Session

if TYPE_CHECKING:
    from scoutlang.runs.run import Watcher


class Wide(Scout):
    """The real host, at a width that does not hang on the terminal of the tests."""

    @property
    def width(self) -> int:
        return 100


class Watched(Wide):
    """Somebody of the test sees what is made, and may press Ctrl-C."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher

    @contextmanager
    def watching(self) -> Iterator[Watcher]:
        yield self.watcher


def talk(session: Session, *lines: str) -> list[str]:
    """What each input was answered; every one was taken."""
    replies = [feed(session, line) for line in lines]
    assert all(reply.ok for reply in replies), [reply.text for reply in replies]
    return [reply.text for reply in replies]
