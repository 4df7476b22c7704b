"""Snapshots: expected outputs in files beside the inputs. UPDATE_SNAPSHOTS=1 rewrites them; review
the diff.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

Compare = Callable[[Path, str], None]


@pytest.fixture
def compare() -> Compare:
    def compare(path: Path, text: str) -> None:
        if os.environ.get("UPDATE_SNAPSHOTS"):
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"no snapshot {path}; UPDATE_SNAPSHOTS=1 writes it"
        assert text == path.read_text(encoding="utf-8")

    return compare
