"""Settings of `guide` and `sample`: ``k=0.8``, ``every 2``. A statement lists its settings with
their kinds; the rest is here.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from scoutlang import ir
from scoutlang.language.checking.scope import Scope
from scoutlang.language.diagnostics import Label
from scoutlang.language.diagnostics.suggest import closest, did_you_mean, listing, quoted
from scoutlang.language.syntax.ast import (
    Change,
    Knot,
    Name,
    Node,
    Number,
    Schedule,
    Setting,
    SettingValue,
    Text,
)


class Refused(Exception):
    """The value does not fit; ``needs`` says what would."""

    def __init__(self, needs: str) -> None:
        super().__init__(needs)
        self.needs = needs


class Kind(ABC):
    """What values a setting takes."""

    @property
    @abstractmethod
    def takes(self) -> str:
        """The values in words: ``a number from 0 to 1``."""

    @abstractmethod
    def value(self, written: SettingValue) -> Any:
        """The value for the program. Raises `Refused`."""


class Entry(NamedTuple):
    """A setting: the field of the IR node that it fills, the values that it takes, what it says."""

    field: str
    kind: Kind
    summary: str


# By the name in the language.
Table = Mapping[str, Entry]


def resolve(statement: str, given: Sequence[Setting], table: Table, scope: Scope) -> dict[str, Any]:
    """IR field → value for the settings that are right; the others are reported. A value from
    outside replaces a written one.
    """
    values: dict[str, Any] = {}
    seen: dict[str, Setting] = {}
    for setting in given:
        key = setting.key.text
        if key not in table:
            guess = closest(key, table)
            text = (
                f"did you mean `{guess}`?" if guess else f"{statement} has {listing(table, 'and')}"
            )
            scope.report(
                "E023",
                f"`{statement}` has no setting `{key}`",
                setting.key.span,
                text,
                replacement=guess,
            )
        elif key in seen:
            scope.report(
                "E025",
                f"`{key}` is given twice",
                setting.span,
                "remove this one",
                also=Label(seen[key].span, "first here"),
            )
        else:
            seen[key] = setting
            try:
                values[table[key].field] = table[key].kind.value(_named(setting.value, scope))
            except Refused as refused:
                scope.report(
                    "E024",
                    f"`{key}` cannot be this",
                    setting.value.span,
                    _needed(setting, table[key].kind, refused, scope),
                )
    for key in table.keys() & scope.overrides.keys():
        _override(statement, key, table, values, scope)
    return values


def _needed(setting: Setting, kind: Kind, refused: Refused, scope: Scope) -> str:
    written = setting.value
    if (
        isinstance(written, Name)
        and written.text not in scope.names.definitions
        and isinstance(kind, Real | Whole | Strength)
    ):
        return f"nothing is called {quoted(written.text)}; {setting.key.text} {refused.needs}"
    return refused.needs


def _override(statement: str, key: str, table: Table, values: dict[str, Any], scope: Scope) -> None:
    from scoutlang.language.checking import definitions

    text = scope.overrides[key]
    found = definitions.setting(statement, key, text, scope)
    if found is not None:
        try:
            values[table[key].field] = table[key].kind.value(found.value)
        except Refused as refused:
            definitions.outside(f"--set {key}={text}: {refused.needs}", scope)


def _named(value: SettingValue, scope: Scope) -> SettingValue:
    """The number that a name of the program stands for; anything else as it is."""
    definition = scope.names.definitions.get(value.text) if isinstance(value, Name) else None
    if definition is None:
        return value
    from scoutlang.language.checking import elaborate

    definition.used = True
    found = elaborate.use(definition, value.span, elaborate.Context(scope))
    number = getattr(found, "constant", None)
    if number is None or not getattr(found, "bare", False):
        raise Refused(f"`{definition.name.text}` is no plain number")
    return Number(value.span, number, f"{number:g}")


@dataclass(frozen=True)
class Real(Kind):
    """A number from ``low`` to ``high``."""

    low: float
    high: float
    open_low: bool = False

    @property
    def takes(self) -> str:
        return f"a number {'above' if self.open_low else 'from'} {self.low:g} to {self.high:g}"

    def value(self, written: SettingValue) -> float:
        if (
            isinstance(written, Number)
            and self.low <= written.value <= self.high
            and not (self.open_low and written.value == self.low)
        ):
            return written.value
        raise Refused(f"needs {self.takes}")


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number from ``low`` to ``high``."""

    low: int
    high: int

    @property
    def takes(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def value(self, written: SettingValue) -> int:
        if (
            isinstance(written, Number)
            and written.value.is_integer()
            and self.low <= written.value <= self.high
        ):
            return int(written.value)
        raise Refused(f"needs {self.takes}")


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few words."""

    words: tuple[str, ...]

    def __init__(self, *words: str) -> None:
        object.__setattr__(self, "words", words)

    @property
    def takes(self) -> str:
        return listing(f"`{w}`" for w in self.words)

    def value(self, written: SettingValue) -> str:
        if isinstance(written, Name) and written.text in self.words:
            return written.text
        guess = did_you_mean(written.text, self.words) if isinstance(written, Name) else ""
        raise Refused(guess or f"needs {self.takes}")


class Words(Kind):
    """Any name, or a quoted text such as a path."""

    takes = "a name, or a path in quotes"

    def value(self, written: SettingValue) -> str:
        if isinstance(written, Name | Text) and written.text.strip():
            return written.text
        raise Refused('needs a name, or a path in quotes: "runs/my model"')


class Strength(Kind):
    """A number ≥ 0, or one that changes over diffusion time: ``ramp(0 -> 0.8, cosine)``,
    ``piecewise(1: 0, 0.5: 0.8)``.
    """

    shapes = ("linear", "cosine")
    schedules = ("constant", "ramp", "piecewise")
    takes = "a number ≥ 0 or a schedule"

    def value(self, written: SettingValue) -> ir.Schedule:
        match written:
            case Number(value=value) if value >= 0:
                return ir.Schedule.constant(value)
            case Schedule(name=Name(text="constant"), points=(Number(value=value),)) if value >= 0:
                return ir.Schedule.constant(value)
            case Schedule(name=Name(text="ramp"), points=points):
                return self._ramp(points)
            case Schedule(name=Name(text="piecewise"), points=points):
                return self._piecewise(points)
            case Schedule(name=name) if name.text not in self.schedules:
                raise Refused(
                    did_you_mean(name.text, self.schedules)
                    or f"schedules are {listing(self.schedules, 'and')}"
                )
        raise Refused("needs a number ≥ 0, or ramp(0 -> 0.8)")

    def _ramp(self, points: Sequence[Node]) -> ir.Schedule:
        match points:
            case [Change(start=start, end=end)]:
                shape = "linear"
            case [Change(start=start, end=end), Name(text=shape)]:
                pass
            case _:
                raise Refused("a ramp is written ramp(0 -> 0.8) or ramp(0 -> 0.8, cosine)")
        if start.value < 0 or end.value < 0:
            raise Refused("a strength is never negative")
        match shape:
            case "linear" | "cosine":
                return ir.Schedule(shape=shape, start=start.value, end=end.value)
            case other:
                raise Refused(
                    did_you_mean(other, self.shapes)
                    or f"the shape of a ramp is {listing(self.shapes)}"
                )

    def _piecewise(self, points: Sequence[Node]) -> ir.Schedule:
        knots = [(p.time.value, p.value.value) for p in points if isinstance(p, Knot)]
        if len(knots) < len(points) or not knots:
            raise Refused(
                "written time: strength, from noise (1) to crystal (0): piecewise(1: 0, 0.5: 0.8)"
            )
        if any(later >= earlier for (earlier, _), (later, _) in itertools.pairwise(knots)):
            raise Refused("times fall from noise (1) to the crystal (0)")
        if any(not 0 <= t <= 1 or k < 0 for t, k in knots):
            raise Refused("times are from 0 to 1, a strength is never negative")
        return ir.Schedule(
            shape="piecewise", start=knots[0][1], end=knots[-1][1], points=tuple(knots)
        )
