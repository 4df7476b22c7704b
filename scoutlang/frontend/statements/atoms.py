"""``atoms in [8, 20]``: the number of atoms in the cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from scoutlang.frontend.ast import Comparison, Demand, Parts, Quantity, Statement, Within
from scoutlang.frontend.claims import OPERATORS, backwards
from scoutlang.frontend.scope import Scope
from scoutlang.ir import AtomRange
from scoutlang.source import Span


@dataclass(frozen=True)
class Atoms(Statement):
    rule = "atoms"
    example = "atoms in [8, 20]"
    once = True

    demand: Demand

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        return cls(span, parts.one(Demand))  # type: ignore[type-abstract]

    def check(self, scope: Scope) -> None:
        ends = self._ends()
        if ends is None:
            self._reject(scope, self.demand.span, "atoms needs both ends, or an upper one")
            return
        low, high = ends
        limits = [_whole(q) if isinstance(q, Quantity) else q for q in ends]
        for quantity, limit in zip(ends, limits, strict=True):
            if limit is None and isinstance(quantity, Quantity):
                self._reject(scope, quantity.span, "atoms are counted in whole numbers from 1")
                return
        first, last = limits
        assert first is not None
        assert last is not None
        if first > last:
            assert isinstance(low, Quantity)
            assert isinstance(high, Quantity)
            backwards(self.demand, low.number, high.number, scope)
            return
        scope.atoms = AtomRange(low=first, high=last)

    def _ends(self) -> tuple[Quantity | int, Quantity] | None:
        match self.demand:
            case Within(low=low, high=high, unit=None):
                return low, high
            case Comparison(operator=operator, quantity=quantity, tolerance=None):
                symbol = OPERATORS[operator.terminal]
                return (quantity, quantity) if symbol == "=" else (1, quantity) if symbol == "<=" else None
        return None

    def _reject(self, scope: Scope, span: Span, message: str) -> None:
        scope.report("E054", message, span, "write `in [8, 20]`, `<= 20` or `= 12`")


def _whole(quantity: Quantity) -> int | None:
    value = quantity.number.value
    return int(value) if quantity.unit is None and value.is_integer() and 1 <= value <= 10_000 else None
