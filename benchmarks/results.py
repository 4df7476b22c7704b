"""benchmarks/RESULTS.md, whose measured parts stand between marks: ``<!-- NAME:begin -->`` and
``<!-- NAME:end -->``.
"""

from __future__ import annotations

from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"


def write(name: str, text: str) -> None:
    """Put what was measured into its place."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, rest = RESULTS.read_text(encoding="utf-8").split(begin)
    RESULTS.write_text(f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}", encoding="utf-8")
