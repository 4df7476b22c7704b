"""``atoms in [8, 20]``: the number of atoms in the cell.

At most one per program: ``atoms in [8, 20]``, ``atoms <= 20`` or ``atoms = 12``. Without it the
sizes are drawn as the model has learnt them.
"""

from __future__ import annotations

from scoutlang.ir import AtomRange
from scoutlang.ir.source import Span
from scoutlang.language.checking import models
from scoutlang.language.checking.elaborate import Context, quantity
from scoutlang.language.checking.relations import backwards
from scoutlang.language.checking.scope import Scope
from scoutlang.language.diagnostics.messages import Message
from scoutlang.language.statements.statement import Statement
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Node, Operator, Quantity, Range

_MOST = 10_000


class Atoms(Statement):
    rule = "atoms"
    example = "atoms in [8, 20]"
    once = True

    operator: Operator | None
    demand: Node | Range

    def text(self) -> str:
        if isinstance(self.demand, Range):
            return f"atoms in {printer.range_text(self.demand)}"
        assert self.operator is not None
        return f"atoms {self.operator.symbol} {printer.expression(self.demand, printer.OPERAND)}"

    def check(self, scope: Scope) -> None:
        place = (
            self.demand.span
            if self.operator is None
            else self.operator.span.cover(self.demand.span)
        )
        ends: tuple[Node | None, Node] | None
        if isinstance(self.demand, Range):
            ends = (self.demand.low, self.demand.high) if self.demand.unit is None else None
        else:
            assert self.operator is not None
            symbol = self.operator.symbol
            ends = (
                (self.demand, self.demand)
                if symbol == "="
                else (None, self.demand)
                if symbol == "<="
                else None
            )
        if ends is None:
            self._reject(scope, place, "atoms needs both ends, or an upper one")
            return
        low, high = (1 if end is None else _whole(end, scope) for end in ends)
        for end, number in zip(ends, (low, high), strict=True):
            if end is not None and number is None:
                self._reject(scope, end.span, "atoms are counted in whole numbers from 1")
                return
        assert low is not None
        assert high is not None
        if low > high:
            assert isinstance(self.demand, Range)
            backwards(self.demand, scope)
            return
        scope.atoms = AtomRange(low, high)

    def conclude(self, scope: Scope) -> None:
        assert scope.atoms is not None
        models.check_size(scope.atoms.low, scope.atoms.high, self.span, scope)

    def _reject(self, scope: Scope, span: Span, message: str) -> None:
        scope.report(Message("E054", message, "write `in [8, 20]`, `<= 20` or `= 12`"), span)


def _whole(node: Node, scope: Scope) -> int | None:
    if isinstance(node, Quantity) and node.unit is not None:
        return None
    found = quantity(node, Context(scope))
    value = None if found is None or not found.bare else found.constant
    return int(value) if value is not None and value.is_integer() and 1 <= value <= _MOST else None
