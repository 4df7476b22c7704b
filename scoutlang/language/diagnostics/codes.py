"""Every code with its explanation, read from ``codes.md``: a heading of code and title, and a
paragraph.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Explanation:
    """The manual page of one code."""

    code: str
    title: str
    text: str


def _read(page: str) -> Explanation:
    heading, _, text = page.partition("\n")
    code, _, title = heading.partition(" ")
    return Explanation(code, title, " ".join(text.split()))


_, *_PAGES = Path(__file__).with_name("codes.md").read_text(encoding="utf-8").split("\n## ")
EXPLANATIONS: Mapping[str, Explanation] = {e.code: e for e in map(_read, _PAGES)}
