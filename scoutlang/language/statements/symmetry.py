"""``symmetry Fm-3m``: space groups that the sampler keeps.

At most one per program: a group by number or symbol (``symmetry 225``, ``symmetry P6_3/mmc``), a
crystal system (``symmetry cubic``), several of these (``symmetry {62, 140, I4/mmm}``), or all with
so many operations beside lattice translations (``symmetry >= 4 operations``; cubic groups have 12
to 48). Both arms are sampled in the space of crystals that such a group leaves unchanged: each
structure has a group and Wyckoff positions of its own, drawn as they are frequent among known
crystals of as many atoms with an orbit for each element (or with orbits that hold the `formula`);
where there is no such crystal, all ways of filling the cell are equally likely. A structure may
come out with more symmetry than that, and relaxing keeps none of it by force. It is no claim: what
must be judged is written ``expect spacegroup = Fm-3m``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scoutlang import ir
from scoutlang.ir import space_groups
from scoutlang.ir.known_models import KNOWN_MODELS
from scoutlang.ir.source import Span
from scoutlang.ir.space_groups import Occupations
from scoutlang.language.checking.scope import Scope
from scoutlang.language.diagnostics import messages
from scoutlang.language.diagnostics.messages import Message
from scoutlang.language.statements.statement import Slip, Statement
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Node, Operator, Quantity, Set, Text
from scoutlang.language.syntax.lexeme import Lexeme

_MOST = 200
"""Atoms of the largest cell of which it is said here whether it can be filled; of larger ones the
sampler finds out.
"""
_WORK = 60_000
"""The same for what has to be counted."""

_EXAMPLES = "`symmetry 225`, `symmetry Fm-3m`, `symmetry cubic` or `symmetry >= 4 operations`"


class Symmetry(Statement):
    rule = "symmetry"
    example = "symmetry >= 4 operations"
    once = True
    since = 1.1
    precedence = 3

    operator: Operator | None
    demand: Node

    @classmethod
    def slip(cls, lexemes: Sequence[Lexeme], position: int) -> Slip | None:
        if position < 2 or lexemes[1].terminal != "NAME":
            return None
        return Slip("a symbol is written without blanks, `P2_1/c`, or in quotes")

    def text(self) -> str:
        return f"symmetry {_written(self)}"

    def check(self, scope: Scope) -> None:
        found = (
            self._of_order(scope)
            if self.operator is not None
            else [
                number
                for item in (self.demand.items if isinstance(self.demand, Set) else [self.demand])
                for number in _groups(item, scope)
            ]
        )
        if found:
            scope.symmetry = ir.Symmetry(_written(self), tuple(sorted(set(found))))

    def _of_order(self, scope: Scope) -> list[int]:
        assert self.operator is not None
        demand = self.demand
        whole = (
            isinstance(demand, Quantity)
            and demand.unit is not None
            and demand.unit.text.startswith("operation")
            and demand.number.value.is_integer()
        )
        if self.operator.symbol != ">=" or not whole:
            place = self.operator.span.cover(demand.span)
            scope.report(
                Message("E081", "that is no demand on a space group", f"write {_EXAMPLES}"), place
            )
            return []
        assert isinstance(demand, Quantity)
        least = demand.number.value
        found = [n for n in _ALL if space_groups.operations(n) >= least]
        if not found:
            text = "a space group has 1 to 48 operations beside lattice translations"
            scope.report(
                Message("E081", f"no space group has {least:g} operations", text), demand.span
            )
        return found

    def conclude(self, scope: Scope) -> None:
        """Report a cell that no crystal of these groups fills, and claims of groups that they
        cannot be part of.
        """
        if scope.symmetry is not None:
            self._check_claims(scope.symmetry.numbers, scope)
        self._check_cells(scope)

    def _check_claims(self, numbers: Sequence[int], scope: Scope) -> None:
        """Crystals have the operations that are kept, or these and others."""
        possible = [n for n in _ALL if any(space_groups.may_contain(n, kept) for kept in numbers)]
        for term in scope.terms:
            if isinstance(term.claim, ir.Wish):
                continue
            if all(_holds(term.claim, number, scope) is False for number in possible):
                text = "a crystal that keeps the symmetry has its operations, or these and others"
                problem = "this never holds with the symmetry of the program"
                scope.report(
                    Message("W067", problem, text, also="which is kept here"),
                    Span(term.location.start, term.location.end),
                    also=self.span,
                )

    def _check_cells(self, scope: Scope) -> None:
        model = KNOWN_MODELS.get(scope.sample.model)
        if scope.symmetry is None or (model is None and scope.atoms is None):
            return
        low, high = (
            (1, model.max_atoms if model is not None else 0)
            if scope.atoms is None
            else (scope.atoms.low, scope.atoms.high)
        )
        ways = Occupations(scope.symmetry.numbers, len(scope.system), scope.formula)
        if high > _MOST or ways.work(high) > _WORK:
            return
        if any(ways.sizes([n]) for n in range(low, high + 1)):
            return
        cells = f"{low}" if low == high else f"{low} to {high}"
        needs = (
            "the Wyckoff positions of the groups cannot hold the formula"
            if scope.formula
            else "no Wyckoff positions hold so few atoms with an orbit for each element"
        )
        scope.report(
            Message("E082", f"no cell of {cells} atoms has this symmetry", needs), self.span
        )


def _holds(claim: ir.Proposition, number: int, scope: Scope) -> bool | None:
    """Whether a claim is true of crystals of a space group; None where more than the group
    decides.
    """
    match claim:
        case ir.Compare(value=ir.Measure() as value, relation=relation):
            by_group = scope.signatures[value.descriptor].by_group
            return None if by_group is None else _meets(by_group(number), relation)
        case ir.And(of=of):
            parts = [_holds(part, number, scope) for part in of]
            return False if False in parts else None if None in parts else True
        case ir.Or(of=of):
            parts = [_holds(part, number, scope) for part in of]
            return True if True in parts else None if None in parts else False
        case ir.Not(of=inner):
            found = _holds(inner, number, scope)
            return None if found is None else not found
    return None


def _meets(value: float, relation: ir.Relation) -> bool:
    if relation.target is not None:
        away, slack = abs(value - relation.target), relation.tolerance or 0.0
        return away < slack or (away == slack and not relation.strict)
    low = -math.inf if relation.low is None else relation.low
    high = math.inf if relation.high is None else relation.high
    return low < value < high if relation.op in ("<", ">") else low <= value <= high


def _written(statement: Symmetry) -> str:
    demand = statement.demand
    if statement.operator:
        return f"{statement.operator.symbol} {printer.expression(demand, printer.OPERAND)}"
    return printer.side(demand)


_ALL = range(1, space_groups.LAST + 1)


def _groups(node: Node, scope: Scope) -> list[int]:
    """The numbers that a number, a symbol or a crystal system stands for."""
    text = node.text if isinstance(node, Text) else scope.slice(node.span)
    if text.lower() in space_groups.LAST_NUMBER:
        return [n for n in _ALL if space_groups.crystal_system(n) == text.lower()]
    if text.isdigit() and int(text) in _ALL:
        return [int(text)]
    if (number := space_groups.number_of(text)) is not None:
        return [number]
    scope.report(messages.no_space_group(text), node.span)
    return []
