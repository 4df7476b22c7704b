"""The examples that the site shows, and where the pages of their runs lie."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNS = ROOT / "runs" / "examples"
"""A folder for each that `python -m tools.site.examples` has run."""


def programs() -> list[Path]:
    """The examples that are programs; the case studies of the paper come last."""
    folder = ROOT / "examples"
    return [*sorted(folder.glob("*.scout")), *sorted(folder.glob("paper/*.scout"))]
