from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from talking import Wide

from scoutlang.repl.session import Session


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.chdir(tmp_path)
    made = Session(Wide())
    yield made
    made.close()


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """A shell ignores SIGINT in its background jobs, and they hand that on: the tests of Ctrl-C, and their children, must not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
