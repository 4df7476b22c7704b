"""Fixtures: programs from text, and a cache folder of their own for every test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import scoutlang
from scoutlang.ir import Program


@pytest.fixture
def program() -> Callable[[str], Program]:
    def checked(text: str) -> Program:
        result = scoutlang.check(text)
        assert result.program is not None, result.diagnostics
        return result.program

    return checked


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's cache."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("SCOUT_CACHE", str(folder))
    return folder
