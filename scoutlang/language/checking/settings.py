"""Settings as they are written, ``k=0.8``, ``every 2``: from words and numbers to values of the
kinds that `ir.settings` lists.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import singledispatch
from typing import Any

from scoutlang import ir
from scoutlang.ir import settings as ir_settings
from scoutlang.ir import units
from scoutlang.ir.settings import Choice, Kind, Real, Strength, Whole, Words
from scoutlang.ir.source import Source
from scoutlang.language.checking.elaborate import Context
from scoutlang.language.checking.names import use
from scoutlang.language.checking.quantities import clean
from scoutlang.language.checking.scope import Scope
from scoutlang.language.diagnostics import Diagnostic, messages
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

OUTSIDE = "--set"
"""What values from outside are called in messages."""


class Refused(Exception):
    """The value does not fit; ``needs`` says what would."""

    def __init__(self, needs: str) -> None:
        super().__init__(needs)
        self.needs = needs


def resolve(statement: str, given: Sequence[Setting], scope: Scope) -> dict[str, Any]:
    """IR field → value for the settings that are right; the others are reported. A value from
    outside replaces a written one.
    """
    table = scope.tables[statement]
    values: dict[str, Any] = {}
    seen: dict[str, Setting] = {}
    for setting in given:
        key = setting.key.text
        if key not in table:
            scope.report(
                messages.unknown_setting(statement, key, closest(key, table), table),
                setting.key.span,
            )
        elif key in seen:
            scope.report(messages.given_twice(key), setting.span, also=seen[key].span)
        else:
            seen[key] = setting
            try:
                kind = table[key].kind
                values[table[key].field] = read(kind, _named(_in_unit(kind, setting), scope))
            except Refused as refused:
                needs = _needed(setting, table[key].kind, refused, scope)
                scope.report(messages.wrong_setting(key, needs), setting.value.span)
    for key, known in table.items():
        if known.outside in scope.overrides:
            _override(statement, key, known, values, scope)
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


def _override(
    statement: str, key: str, known: ir_settings.Setting, values: dict[str, Any], scope: Scope
) -> None:
    text = scope.overrides[known.outside]
    found = setting(statement, key, text, scope)
    if found is not None:
        try:
            values[known.field] = read(known.kind, _in_unit(known.kind, found))
        except Refused as refused:
            outside(f"{OUTSIDE} {known.outside}={text}: {refused.needs}", scope)


def setting(statement: str, name: str, text: str, scope: Scope) -> Setting | None:
    """``k``, ``0.4`` as a setting of a statement, or None after a report."""
    statements, diagnostics = scope.files.parse(Source(OUTSIDE, f"{statement} {name}={text}"))
    found: tuple[Setting, ...] = (
        getattr(statements[0], "settings", ()) if len(statements) == 1 else ()
    )
    if diagnostics or len(found) != 1:
        outside(f"{OUTSIDE} {name}={text}: this is no value of `{name}`", scope)
        return None
    return found[0]


def outside(message: str, scope: Scope, help: str = "") -> None:
    """A message about a value from outside, which no line of the program holds."""
    scope.diagnostics.append(Diagnostic("E076", message, help=help))


def _in_unit(kind: Kind, setting: Setting) -> SettingValue:
    """What is written for a setting, a number with a unit in the canonical one of its kind. Raises
    `Refused` for a unit that does not fit.
    """
    if setting.unit is None:
        return setting.value
    wanted = kind.unit if isinstance(kind, Real) else ""
    if not wanted:
        raise Refused(f"needs {kind.takes}, without a unit")
    given, canonical = units.find_unit(setting.unit.text), units.find_unit(wanted)
    if given is None or canonical is None or given.dimension != canonical.dimension:
        raise Refused(f"needs {kind.takes}, and `{setting.unit.text}` is no unit of that")
    assert isinstance(setting.value, Number)  # the grammar has a unit after a number only
    return Number(setting.value.span, clean(setting.value.value * given.factor), setting.value.text)


def _named(value: SettingValue, scope: Scope) -> SettingValue:
    """The number that a name of the program stands for; anything else as it is."""
    definition = scope.names.definitions.get(value.text) if isinstance(value, Name) else None
    if definition is None:
        return value
    definition.used = True
    found = use(definition, value.span, Context(scope))
    number = getattr(found, "constant", None)
    if number is None or not getattr(found, "bare", False):
        raise Refused(f"`{definition.name.text}` is no plain number")
    return Number(value.span, number, f"{number:g}")


@singledispatch
def read(kind: object, written: SettingValue) -> Any:
    """The value for the program of what is written for a setting of a kind. Raises `Refused`."""
    raise AssertionError(kind)


@read.register(Real)
def _real(kind: Real, written: SettingValue) -> float:
    if (
        isinstance(written, Number)
        and kind.low <= written.value <= kind.high
        and not (kind.open_low and written.value == kind.low)
    ):
        return written.value
    raise Refused(f"needs {kind.takes}")


@read.register(Whole)
def _whole(kind: Whole, written: SettingValue) -> int:
    if (
        isinstance(written, Number)
        and written.value.is_integer()
        and kind.low <= written.value <= kind.high
    ):
        return int(written.value)
    raise Refused(f"needs {kind.takes}")


@read.register(Choice)
def _choice(kind: Choice, written: SettingValue) -> str:
    if isinstance(written, Name) and written.text in kind.words:
        return written.text
    guess = did_you_mean(written.text, kind.words) if isinstance(written, Name) else ""
    raise Refused(guess or f"needs {kind.takes}")


@read.register(Words)
def _words(kind: Words, written: SettingValue) -> str:
    if isinstance(written, Name | Text) and written.text.strip():
        return written.text
    raise Refused('needs a name, or a path in quotes: "runs/my model"')


@read.register(Strength)
def _strength(kind: Strength, written: SettingValue) -> ir.Schedule:
    match written:
        case Number(value=value) if value >= 0:
            return ir.Schedule.constant(value)
        case Schedule(name=Name(text="constant"), points=(Number(value=value),)) if value >= 0:
            return ir.Schedule.constant(value)
        case Schedule(name=Name(text="ramp"), points=points):
            return _ramp(points)
        case Schedule(name=Name(text="piecewise"), points=points):
            return _piecewise(points)
        case Schedule(name=Name(text=name)) if name not in kind.schedules:
            known = f"schedules are {listing(kind.schedules, 'and')}"
            raise Refused(did_you_mean(name, kind.schedules) or known)
    raise Refused("needs a number ≥ 0, or ramp(0 -> 0.8)")


def _ramp(points: Sequence[Node]) -> ir.Schedule:
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
            known = f"the shape of a ramp is {listing(Strength.shapes)}"
            raise Refused(did_you_mean(other, Strength.shapes) or known)


def _piecewise(points: Sequence[Node]) -> ir.Schedule:
    knots = [(p.time.value, p.value.value) for p in points if isinstance(p, Knot)]
    if len(knots) < len(points) or not knots:
        raise Refused(
            "written time: strength, from noise (1) to crystal (0): piecewise(1: 0, 0.5: 0.8)"
        )
    if any(later >= earlier for (earlier, _), (later, _) in itertools.pairwise(knots)):
        raise Refused("times fall from noise (1) to the crystal (0)")
    if any(not 0 <= t <= 1 or k < 0 for t, k in knots):
        raise Refused("times are from 0 to 1, a strength is never negative")
    return ir.Schedule(shape="piecewise", start=knots[0][1], end=knots[-1][1], points=tuple(knots))
