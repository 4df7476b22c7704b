"""Settings of `guide`, `sample` and `relax`: each is a field of an IR node, declared in one line
with the values that it takes, its default and what the manual says of it.

The language reads a written value by the kind (`language/checking/settings.py`); everything else
that speaks of settings asks `settings`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args


@dataclass(frozen=True)
class Real:
    """A number from ``low`` to ``high``."""

    low: float
    high: float
    open_low: bool = False
    """Whether ``low`` itself is left out."""
    unit: str = ""
    """The canonical unit in which it is kept, which may be left out; empty where it has none."""

    @property
    def takes(self) -> str:
        span = f"a number {'above' if self.open_low else 'from'} {self.low:g} to {self.high:g}"
        return f"{span} {self.unit}".rstrip()


@dataclass(frozen=True)
class Whole:
    """A whole number from ``low`` to ``high``."""

    low: int
    high: int

    @property
    def takes(self) -> str:
        return f"a whole number from {self.low} to {self.high}"


@dataclass(frozen=True, init=False)
class Choice:
    """One of the words of a `Literal` type."""

    words: tuple[str, ...]

    def __init__(self, literal: Any) -> None:
        object.__setattr__(self, "words", get_args(literal))

    @property
    def takes(self) -> str:
        *others, last = (f"`{word}`" for word in self.words)
        return f"{', '.join(others)} or {last}"


@dataclass(frozen=True)
class Words:
    """Any name, or a quoted text such as a path."""

    takes = "a name, or a path in quotes"


@dataclass(frozen=True)
class Strength:
    """A number ≥ 0, or one that changes over diffusion time: ``ramp(0 -> 0.8, cosine)``,
    ``piecewise(1: 0, 0.5: 0.8)``.
    """

    shapes = ("linear", "cosine")
    schedules = ("constant", "ramp", "piecewise")
    takes = "a number ≥ 0 or a schedule"


Kind = Real | Whole | Choice | Words | Strength


@dataclass(frozen=True)
class Setting:
    """What there is to know of a setting."""

    kind: Kind
    """The values that it takes."""
    summary: str
    """What it says, in one line of the manual."""
    default: Any
    field: str
    """The field of the IR node that it fills."""
    only: str
    """The method that alone uses it; empty where every method does."""
    outside: str
    """Its name where it is set from outside the program, ``--set k=0.4``: no two settings share
    one.
    """


Table = Mapping[str, Setting]
"""Settings by their names in the language."""


def setting(kind: Kind, default: Any, summary: str, *, name: str = "", only: str = "") -> Any:
    """A field of an IR node that is a setting. ``name``: in the language, where it differs from
    that of the field.
    """
    return dataclasses.field(
        default=default, metadata={"setting": (kind, summary, only), "name": name}
    )


def settings(node: type, prefix: str = "") -> Table:
    """The settings that the fields of an IR node are, in their order. prefix: of their names where
    they are set from outside.
    """
    found = {}
    for field in dataclasses.fields(node):
        if "setting" in field.metadata:
            name = field.metadata["name"] or field.name
            kind, summary, only = field.metadata["setting"]
            found[name] = Setting(kind, summary, field.default, field.name, only, prefix + name)
    return found
