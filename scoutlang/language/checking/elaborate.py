"""Expressions: from syntax to values with types. What every kind of expression needs is here; each
kind is read by a file of its own, which registers with `meaning`: `names`, `operations`, `calls`,
`relations`.

Outside of ``each``, ``any``, ``fraction`` and the aggregates a descriptor of sites stands for its
own aggregate (the mean, in most cases); inside of them it has a value for each site. A name is read
where it is used, so that a definition fits both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch

from scoutlang.language.checking.scope import Definition, Scope
from scoutlang.language.checking.values import (
    Operand,
    QuantityValue,
    SpeciesValue,
    TruthValue,
    Value,
    WishValue,
    spoken,
)
from scoutlang.language.diagnostics import messages
from scoutlang.language.syntax.ast import Node, Reference, Text


@dataclass(frozen=True)
class Context:
    """Where an expression is read."""

    scope: Scope
    per_site: bool = False
    """Inside something that wants a value of each site."""
    local: Mapping[str, Definition] | None = None
    """Arguments of the motif that is being read."""
    species: bool = False
    """A chain is wanted here, so that an unknown name is probably an element."""

    @property
    def of_values(self) -> Context:
        """The same place, where no species are wanted."""
        return Context(self.scope, self.per_site, self.local) if self.species else self

    @property
    def of_species(self) -> Context:
        """The same place, where species are wanted."""
        return (
            self if self.species else Context(self.scope, self.per_site, self.local, species=True)
        )


MAX_DEPTH = 100
"""Expressions inside of each other, after all definitions are unfolded."""


def elaborate(node: Node, context: Context) -> Value | None:
    """The value of an expression, or None after a report."""
    scope = context.scope
    if scope.depth == MAX_DEPTH:
        scope.report(messages.too_much(f"{MAX_DEPTH} expressions inside of each other"), node.span)
        return None
    scope.depth += 1
    value = meaning(node, context)
    scope.depth -= 1
    return value


@singledispatch
def meaning(node: Node, context: Context) -> Value | None:
    """The value of one kind of expression. The file that reads a class of nodes registers it
    here.
    """
    raise AssertionError(node)


def quantity(node: Node, context: Context) -> QuantityValue | None:
    """A quantity, or None after a report."""
    value = elaborate(node, context.of_values)
    if value is None or isinstance(value, QuantityValue):
        return value
    context.scope.report(
        messages.misplaced(
            spoken(value), "where a quantity belongs", belongs(value, node, context.scope)
        ),
        node.span,
    )
    return None


def proposition(node: Node, context: Context) -> TruthValue | None:
    """A proposition, or None after a report."""
    value = elaborate(node, context.of_values)
    return None if value is None else as_proposition(value, node, context.scope)


def as_proposition(value: Value, node: Node, scope: Scope) -> TruthValue | None:
    """A value that is a proposition, or None after a report."""
    match value:
        case TruthValue():
            return value
        case QuantityValue():
            words = value.signature.categories if value.signature else ()
            needs = f"`= {words[-1]}`" if words else "`= 4`, `< 2.5` or `in [3, 5]`"
            if value.constant is not None:
                needs = f"{needs}; one of several numbers is `in {{3, 4}}`"
            scope.report(messages.neither_true_nor_false(needs), node.span)
        case WishValue():
            scope.report(messages.wish_in_logic(), node.span)
        case _:
            scope.report(
                messages.misplaced(
                    spoken(value),
                    "where something true or false belongs",
                    "write what must hold of it",
                ),
                node.span,
            )
    return None


def species_chain(node: Node, context: Context) -> SpeciesValue | None:
    """A chain of species, or None after a report."""
    value = elaborate(node, context.of_species)
    if value is None or isinstance(value, SpeciesValue):
        return value
    context.scope.report(
        messages.misplaced(spoken(value), "where species belong", species_belong(node)), node.span
    )
    return None


def species_belong(node: Node) -> str:
    """What to write instead of something that is no species."""
    return (
        "write it without quotes"
        if isinstance(node, Text)
        else "write elements joined with hyphens, centre first"
    )


def quantity_operands(nodes: Sequence[Node], context: Context) -> list[Operand] | None:
    """All operands as quantities, or None after reports about each that is none."""
    found = [(_computable(quantity(n, context), n, context.scope), n) for n in nodes]
    operands = [Operand(v, n) for v, n in found if v is not None]
    return operands if len(operands) == len(found) else None


def _computable(value: QuantityValue | None, node: Node, scope: Scope) -> QuantityValue | None:
    """A quantity that is a number; a report for a word such as the crystal system."""
    if value is None or value.signature is None or not value.signature.categories:
        return value
    scope.report(messages.word_has_no_value(value.signature.name), node.span)
    return None


def belongs(value: Value, node: Node, scope: Scope) -> str:
    """What to write instead of something that is no quantity."""
    text = scope.slice(node.span)
    if isinstance(value, SpeciesValue):
        return (
            f"`CN({text})` would be one, for example"
            if len(value.species) == 2
            else "write a descriptor of them"
        )
    if isinstance(value, TruthValue) and isinstance(node, Reference):
        return f"it is true or false already: write `{text}`, or `not {text}`"
    if isinstance(value, TruthValue):
        return "`fraction(…)` makes a number of it: the share of sites where it holds"
    return "write a number or a descriptor"
