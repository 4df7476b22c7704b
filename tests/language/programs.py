"""The programs of the tests. ``tests/good/NAME.scout`` is right, ``tests/bad/NAME.scout`` is not.

Those in ``with_files`` refer to files in folders beside them; ``bad/poor`` holds those whose
messages should be better.
"""

from __future__ import annotations

from pathlib import Path

from scoutlang.interfaces.api import check_source
from scoutlang.ir.source import Source
from scoutlang.language import CheckResult

TESTS = Path(__file__).parent.parent


def programs(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (TESTS / folder).glob("*.scout"))


GOOD = programs("good", "good/with_files")
BAD = [p for p in programs("bad", "bad/with_files", "bad/poor") if not p.is_symlink()]


def check(path: Path) -> CheckResult:
    """As `scoutlang.check` does a file, but named without its folder, so that snapshots hold
    anywhere.
    """
    folder = path.parent if path.parent.name == "with_files" else None
    return check_source(Source(path.name, path.read_bytes().decode(), folder))
