"""Operations: species in sets and chains, sums and products, logic; and the numbers and texts that
they begin with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scoutlang import ir
from scoutlang.ir import elements
from scoutlang.ir.source import Span
from scoutlang.language.checking import arithmetic, quantities
from scoutlang.language.checking.elaborate import (
    Context,
    belongs,
    elaborate,
    meaning,
    proposition,
    quantity_operands,
    species_belong,
    species_chain,
)
from scoutlang.language.checking.names import resolve
from scoutlang.language.checking.scope import Scope
from scoutlang.language.checking.values import (
    Operand,
    QuantityValue,
    SpeciesValue,
    TextValue,
    TruthValue,
    Value,
    constant,
    spoken,
)
from scoutlang.language.diagnostics import messages
from scoutlang.language.syntax import ast, printer


@meaning.register(ast.Quantity)
def _quantity(node: ast.Quantity, context: Context) -> QuantityValue | None:
    found = quantities.written(node, context.scope)
    return None if found is None else constant(*found, bare=node.unit is None)


@meaning.register(ast.Text)
def _text(node: ast.Text, context: Context) -> TextValue:
    return TextValue(node.text)


# ---- species ----


@meaning.register(ast.Star)
def _star(node: ast.Star, context: Context) -> SpeciesValue:
    return SpeciesValue((ir.Species("*", context.scope.system),), (node.span,))


@meaning.register(ast.Set)
def _set(node: ast.Set, context: Context) -> SpeciesValue | None:
    """The union of the species in braces."""
    symbols: dict[str, Span] = {}
    right = True
    for item in node.items:
        # In a definition a set may name any element; what the system has of them is meant.
        if (
            context.scope.in_group
            and isinstance(item, ast.Reference)
            and item.text in elements.ATOMIC_NUMBER
        ):
            if item.text in context.scope.system:
                symbols.setdefault(item.text, item.span)
            continue
        value = species_chain(item, context)
        if value is None or len(value.species) != 1:
            if value is not None:
                context.scope.report(
                    messages.misplaced(
                        "a chain",
                        "where a species belongs",
                        "species in braces are separated by commas",
                    ),
                    item.span,
                )
            right = False
            continue
        for symbol in value.species[0].elements:
            if symbol in symbols and isinstance(item, ast.Reference) and item.text == symbol:
                context.scope.report(messages.named_twice(symbol), item.span, also=symbols[symbol])
                right = False
            symbols.setdefault(symbol, item.span)
    if not right:
        return None
    return SpeciesValue((ir.Species(printer.expression(node), tuple(symbols)),), (node.span,))


@meaning.register(ast.Addition)
def _addition(node: ast.Addition, context: Context) -> Value | None:
    """A sum, or the chain of species that is written like one."""
    for operator in node.operators:
        if operator.terminal == "LOOKALIKE_DASH":
            context.scope.report(
                messages.no_hyphen(context.scope.slice(operator.span)), operator.span
            )
    chain = context.species or any(_is_species(n, context) for n in node.operands)
    inner = context.of_species if chain else context
    found = [elaborate(n, inner) for n in node.operands]
    values = [v for v in found if v is not None]
    if len(values) < len(found):
        return None
    if all(isinstance(v, SpeciesValue) for v in values):
        return _chain(node, [v for v in values if isinstance(v, SpeciesValue)], context.scope)
    operands = [
        Operand(v, n)
        for v, n in zip(values, node.operands, strict=True)
        if isinstance(v, QuantityValue)
    ]
    if context.species and 0 < len(operands) < len(values):
        place = operands[0].node
        context.scope.report(
            messages.misplaced(
                spoken(operands[0].value), "where species belong", species_belong(place)
            ),
            place.span,
        )
        return None
    if len(operands) < len(values):
        wrong, place = next(
            (v, n)
            for v, n in zip(values, node.operands, strict=True)
            if not isinstance(v, QuantityValue)
        )
        context.scope.report(
            messages.misplaced(spoken(wrong), "in a sum", belongs(wrong, place, context.scope)),
            place.span,
        )
        return None
    return arithmetic.total(operands, [o.terminal for o in node.operators], context.scope)


def _is_species(node: ast.Node, context: Context) -> bool:
    """Whether an operand is written as species, so that its neighbours are meant as species too."""
    if isinstance(node, ast.Star | ast.Set):
        return True
    return (
        isinstance(node, ast.Reference)
        and len(node.names) == 1
        and node.text in elements.ATOMIC_NUMBER
        and resolve(node, context) is None
    )


def _chain(node: ast.Addition, values: Sequence[SpeciesValue], scope: Scope) -> SpeciesValue | None:
    for operator in node.operators:
        if operator.terminal == "PLUS":
            scope.report(messages.species_added(), operator.span)
            return None
    return SpeciesValue(
        tuple(s for v in values for s in v.species), tuple(s for v in values for s in v.spans)
    )


# ---- arithmetic ----


@meaning.register(ast.Multiplication)
def _multiplication(node: ast.Multiplication, context: Context) -> QuantityValue | None:
    if all(_is_species(n, context) for n in node.operands):
        context.scope.report(messages.species_multiplied(context.scope.slice(node.span)), node.span)
        return None
    values = quantity_operands(node.operands, context)
    if values is None:
        return None
    return arithmetic.product(values, [o.terminal for o in node.operators], context.scope)


@meaning.register(ast.Raised)
def _raised(node: ast.Raised, context: Context) -> QuantityValue | None:
    values = quantity_operands((node.base, node.exponent), context)
    return None if values is None else arithmetic.power(values[0], values[1], context.scope)


@meaning.register(ast.Negative)
def _negative(node: ast.Negative, context: Context) -> QuantityValue | None:
    values = quantity_operands((node.operand,), context)
    return None if values is None else arithmetic.negative(values[0].value)


# ---- logic ----


@meaning.register(ast.Negation)
def _negation(node: ast.Negation, context: Context) -> TruthValue | None:
    truth = proposition(node.operand, context)
    return None if truth is None else TruthValue(ir.Not(truth.node), truth.sites)


@meaning.register(ast.Both)
def _both(node: ast.Both, context: Context) -> TruthValue | None:
    return _joined(ir.And, node.operands, context)


@meaning.register(ast.Either)
def _either(node: ast.Either, context: Context) -> TruthValue | None:
    return _joined(ir.Or, node.operands, context)


@meaning.register(ast.Implication)
def _implication(node: ast.Implication, context: Context) -> TruthValue | None:
    both = _joined(ir.And, (node.premise, node.conclusion), context)
    if both is None:
        return None
    assert isinstance(both.node, ir.And)
    return TruthValue(ir.Implies(*both.node.of), both.sites)


@meaning.register(ast.Quantified)
def _quantified(node: ast.Quantified, context: Context) -> TruthValue | None:
    word, operand = node.word.text, node.operand
    inner = proposition(operand, replace(context, per_site=True))
    if inner is None:
        return None
    if inner.sites is None:
        context.scope.report(messages.nothing_of_sites(word), operand.span)
        return None
    return TruthValue(ir.Each(inner.node) if word == "each" else ir.Some(inner.node))


def _joined(
    combine: type[ir.And | ir.Or], operands: Sequence[ast.Node], context: Context
) -> TruthValue | None:
    found = [proposition(n, context) for n in operands]
    truths = [t for t in found if t is not None]
    if len(truths) < len(found):
        return None
    met = arithmetic.meet(
        [(t.sites, n) for t, n in zip(truths, operands, strict=True)], context.scope
    )
    return None if met is None else TruthValue(combine(tuple(t.node for t in truths)), met.sites)
