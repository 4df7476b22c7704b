"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def cell(text: str) -> str:
    """Text for a cell of a CSV file: a spreadsheet would compute what begins like a formula, and
    names come from strangers.
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def write_whole(target: Path, writer: Callable[[Path], object]) -> Path:
    """``writer`` fills a file beside ``target``, which is then moved there: a reader never sees
    half a file. Raises OSError.
    """
    # two commands may work on one folder
    temporary = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        writer(temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return target
