from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
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
        f'system Cu-P; atoms in [3, 4]; require two: CN(Cu-P) = 2; sample count=3 batch=2 steps=5 seed=7 model="{model}"',
    )
    return session


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """A shell ignores SIGINT in its background jobs, and they hand that on: the tests of Ctrl-C,
    and their children, must not.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
