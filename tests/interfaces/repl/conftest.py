from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from at_terminal import Terminal
from talking import Wide, talk

from scoutlang.interfaces.repl.session import Session


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.chdir(tmp_path)
    made = Session(Wide())
    yield made
    made.close()


@pytest.fixture(scope="package")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that was not trained."""
    from small_runs import write_model  # with torch, which most tests here do without

    return write_model(tmp_path_factory.mktemp("models") / "small", seed=0)


@pytest.fixture
def ready(session: Session, model: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session with a program that is made and judged in a moment."""
    from small_runs import judge_quickly

    judge_quickly(monkeypatch)
    talk(
        session,
        "system Cu-P; atoms in [3, 4]; require two: CN(Cu-P) = 2",
        f'sample count=3 batch=2 steps=5 seed=7 model="{model}"',
    )
    return session


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Starts `scout` in a terminal, with its files beside those of the test."""
    made: list[Terminal] = []

    def start(columns: int = 100, **environment: str) -> Terminal:
        made.append(Terminal(tmp_path / "data", columns, **environment))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """A shell ignores SIGINT in its background jobs, and they hand that on: the tests of Ctrl-C,
    and their children, must not.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
