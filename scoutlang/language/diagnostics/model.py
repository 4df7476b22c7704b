"""The data model of messages. Renderers read it; nothing else formats a message."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Self

from scoutlang.ir.source import Span

Severity = Literal["error", "warning", "info"]

_SEVERITY: dict[str, Severity] = {"E": "error", "W": "warning", "I": "info"}


@dataclass(frozen=True, slots=True)
class Label:
    """A place in the program and what to say there."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Fix:
    """A replacement that repairs the program; an editor can apply it."""

    span: Span
    replacement: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One message: what is wrong (``message``), where (``primary``), what else matters
    (``secondary``), what to do (``help``).

    The letter of ``code`` is its severity. A message about a whole file has no ``primary``.
    """

    code: str
    message: str
    primary: Label | None = None
    secondary: tuple[Label, ...] = ()
    help: str = ""
    fix: Fix | None = None

    @classmethod
    def at(
        cls,
        code: str,
        message: str,
        span: Span,
        text: str,
        *,
        also: Label | None = None,
        help: str = "",
        replacement: str | None = None,
    ) -> Self:
        """The usual message: one place, perhaps another that explains it, and perhaps a
        ``replacement`` for the place that repairs it.
        """
        fix = None if replacement is None else Fix(span, replacement)
        return cls(code, message, Label(span, text), (also,) if also else (), help, fix)

    @property
    def severity(self) -> Severity:
        return _SEVERITY[self.code[0]]

    @property
    def start(self) -> float:
        """Where the message belongs in reading order; one about the whole file comes last."""
        return self.primary.span.start if self.primary else math.inf
