"""Numbers with units: from what is written to canonical units."""

from __future__ import annotations

from collections.abc import Sequence

from scoutlang.ir import units
from scoutlang.ir.source import Span
from scoutlang.ir.units import PLAIN, Dimension
from scoutlang.language.checking.scope import Scope
from scoutlang.language.diagnostics import messages
from scoutlang.language.diagnostics.suggest import closest, listing
from scoutlang.language.syntax.ast import Quantity, Unit


def resolve(quantity: Quantity, dimension: Dimension, what: str, scope: Scope) -> float | None:
    """The value in the canonical unit, or None after a report. ``what`` names the measured thing in
    messages.
    """
    values = resolve_together([quantity], None, dimension, what, scope)
    return values[0] if values else None


def resolve_together(
    quantities: Sequence[Quantity],
    shared: Unit | None,
    dimension: Dimension,
    what: str,
    scope: Scope,
) -> list[float] | None:
    """Values that belong together, ``[0.23, 0.29] nm`` or ``0.25 ± 0.01 nm``: one unit written
    counts for all that have none.
    """
    own = [q.unit for q in quantities if q.unit is not None]
    if shared is not None and own:
        scope.report(messages.unit_twice(), shared.span, also=own[0].span)
        return None
    common = shared or (own[0] if own else None)
    values: list[float] = []
    reported: set[Span] = set()
    for quantity in quantities:
        unit = quantity.unit or common
        if unit is None:
            values.append(quantity.number.value)
        elif unit.span not in reported:
            factor = _factor(unit, dimension, what, scope)
            if factor is None:
                reported.add(unit.span)
            else:
                values.append(clean(quantity.number.value * factor))
    return None if reported else values


def written(quantity: Quantity, scope: Scope) -> tuple[float, Dimension] | None:
    """A number where nothing says what it measures: its value and the dimension of its unit, or
    None after a report.
    """
    if quantity.unit is None:
        return quantity.number.value, PLAIN
    unit = units.find_unit(quantity.unit.text)
    if unit is None:
        guess = closest(quantity.unit.text, units.UNITS)
        scope.report(
            messages.unknown_unit(quantity.unit.text, guess, "`scout doc units` lists the units"),
            quantity.unit.span,
        )
        return None
    return clean(quantity.number.value * unit.factor), unit.dimension


def clean(value: float) -> float:
    """Without the last bits of a conversion, so that 0.235 nm and 2.35 Å are the same program."""
    return float(f"{value:.12g}")


def _factor(unit: Unit, dimension: Dimension, what: str, scope: Scope) -> float | None:
    known = units.find_unit(unit.text)
    if known is not None and known.dimension == dimension:
        return known.factor
    if dimension == PLAIN:
        scope.report(messages.no_unit(what), unit.span)
    elif known is None:
        scope.report(
            messages.unknown_unit(unit.text, _closest(unit.text, dimension), _use(dimension)),
            unit.span,
        )
    else:
        # `eV` where `eV/atom` belongs is a slip, any other dimension a mistake.
        per_atom = f"{known.name}/atom"
        meant = units.find_unit(per_atom)
        slip = per_atom if meant is not None and meant.dimension == dimension else None
        message = messages.other_unit(
            unit.text, known.dimension, what, dimension, slip, _use(dimension)
        )
        scope.report(message, unit.span)
    return None


def _use(dimension: Dimension) -> str:
    known = units.units_of(dimension)
    return f"use {listing(known)}" if known else "write it without a unit"


def _closest(text: str, dimension: Dimension) -> str | None:
    """The spelling that was probably meant, units of the wanted dimension first."""
    wanted = [spelling for spelling, unit in units.UNITS.items() if unit.dimension == dimension]
    return closest(text, wanted) or closest(text, units.UNITS)
