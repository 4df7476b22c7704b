"""A console of rich on which texts from strangers are text: no markup in them is read, and control
characters in them never reach the terminal.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from scoutlang.support.shown import shown_lines


class Screen(Console):
    """What styles and progress bars need is made by rich behind this, from its own segments."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, **options})

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else shown_lines(text), style, control)
