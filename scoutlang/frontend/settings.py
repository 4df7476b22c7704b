"""Settings of `guide` and `sample`: ``k=0.8``, ``every 2``. A statement lists its settings with their kinds; the rest is here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scoutlang.diagnostics import Label
from scoutlang.diagnostics.suggest import closest, did_you_mean, listing
from scoutlang.frontend.ast import Name, Number, Ramp, Setting, SettingValue, Text
from scoutlang.frontend.scope import Scope
from scoutlang.ir import Schedule


class Refused(Exception):
    """The value does not fit; ``needs`` says what would."""

    def __init__(self, needs: str) -> None:
        super().__init__(needs)
        self.needs = needs


class Kind(ABC):
    """What values a setting takes."""

    @abstractmethod
    def value(self, written: SettingValue) -> Any:
        """The value for the program. Raises `Refused`."""


# Name in the language → field of the IR node and kind.
Table = Mapping[str, tuple[str, Kind]]


def resolve(statement: str, given: Sequence[Setting], table: Table, scope: Scope) -> dict[str, Any]:
    """IR field → value for the settings that are right; the others are reported."""
    values: dict[str, Any] = {}
    seen: dict[str, Setting] = {}
    for setting in given:
        key = setting.key.text
        if key not in table:
            guess = closest(key, table)
            text = f"did you mean `{guess}`?" if guess else f"{statement} has {listing(table, 'and')}"
            scope.report("E023", f"`{statement}` has no setting `{key}`", setting.key.span, text, replacement=guess)
        elif key in seen:
            scope.report("E025", f"`{key}` is given twice", setting.span, "remove this one", also=Label(seen[key].span, "first here"))
        else:
            seen[key] = setting
            field, kind = table[key]
            try:
                values[field] = kind.value(setting.value)
            except Refused as refused:
                scope.report("E024", f"`{key}` cannot be this", setting.value.span, refused.needs)
    return values


@dataclass(frozen=True)
class Real(Kind):
    """A number from ``low`` to ``high``."""

    low: float
    high: float
    open_low: bool = False

    def value(self, written: SettingValue) -> float:
        if isinstance(written, Number) and self.low <= written.value <= self.high and not (self.open_low and written.value == self.low):
            return written.value
        least = f"above {self.low:g}" if self.open_low else f"from {self.low:g}"
        raise Refused(f"needs a number {least} to {self.high:g}")


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number from ``low`` to ``high``."""

    low: int
    high: int

    def value(self, written: SettingValue) -> int:
        if isinstance(written, Number) and written.value.is_integer() and self.low <= written.value <= self.high:
            return int(written.value)
        raise Refused(f"needs a whole number from {self.low} to {self.high}")


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few words."""

    words: tuple[str, ...]

    def __init__(self, *words: str) -> None:
        object.__setattr__(self, "words", words)

    def value(self, written: SettingValue) -> str:
        if isinstance(written, Name) and written.text in self.words:
            return written.text
        guess = did_you_mean(written.text, self.words) if isinstance(written, Name) else ""
        raise Refused(guess or f"needs {listing(f'`{w}`' for w in self.words)}")


class Words(Kind):
    """Any name, or a quoted text such as a path."""

    def value(self, written: SettingValue) -> str:
        if isinstance(written, Name | Text) and written.text.strip():
            return written.text
        raise Refused('needs a name, or a path in quotes: "runs/my model"')


class Strength(Kind):
    """A number ≥ 0, or one that changes over diffusion time: ``ramp(0 -> 0.8, cosine)``."""

    _shapes = ("linear", "cosine")

    def value(self, written: SettingValue) -> Schedule:
        match written:
            case Number(value=value) if value >= 0:
                return Schedule(start=value, end=value)
            case Ramp(name=name, start=start, end=end, shape=shape):
                return self._ramp(name, start, end, shape)
        raise Refused("needs a number ≥ 0, or ramp(0 -> 0.8)")

    def _ramp(self, name: Name, start: Number, end: Number, shape: Name | None) -> Schedule:
        if name.text != "ramp":
            raise Refused(did_you_mean(name.text, ["ramp"]) or "the only schedule is ramp(0 -> 0.8)")
        if start.value < 0 or end.value < 0:
            raise Refused("a strength is never negative")
        match shape.text if shape else "linear":
            case "linear":
                return Schedule(shape="linear", start=start.value, end=end.value)
            case "cosine":
                return Schedule(shape="cosine", start=start.value, end=end.value)
            case other:
                raise Refused(did_you_mean(other, self._shapes) or f"the shape of a ramp is {listing(self._shapes)}")
