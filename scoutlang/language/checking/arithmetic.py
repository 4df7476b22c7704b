"""Computing with quantities: dimensions as types, constants folded, natural units of change carried
along.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scoutlang import ir
from scoutlang.ir.units import PLAIN
from scoutlang.language.checking.scope import Scope
from scoutlang.language.checking.values import Operand, QuantityValue, Sites
from scoutlang.language.diagnostics import messages
from scoutlang.language.syntax.ast import Node

_MAX_ROOT, _MAX_POWER = 12, 1000  # of a dimension


@dataclass(frozen=True)
class Met:
    """The sites that several values share."""

    sites: Sites


def meet(found: Sequence[tuple[Sites, Node]], scope: Scope) -> Met | None:
    """The sites that values are of, a crystal's value being of any; None after a report when they
    are of different ones.
    """
    own = [(sites, node) for sites, node in found if sites is not None]
    for sites, node in own[1:]:
        if sites != own[0][0]:
            scope.report(
                messages.different_sites(_words(sites), _words(own[0][0])),
                node.span,
                also=own[0][1].span,
            )
            return None
    return Met(own[0][0] if own else None)


def total(
    operands: Sequence[Operand], operators: Sequence[str], scope: Scope, result: str = "no sum"
) -> QuantityValue | None:
    """A sum; a bare number takes the dimension of the others. ``result``: what quantities of
    different kinds do not have.
    """
    typed = next((o for o in operands if not o.value.bare), operands[0])
    for operand in operands:
        if not operand.value.bare and operand.value.dimension != typed.value.dimension:
            scope.report(
                messages.different_kinds(result, operand.value.dimension, typed.value.dimension),
                operand.node.span,
                also=typed.node.span,
            )
            return None
    met = meet([(o.value.sites, o.node) for o in operands], scope)
    if met is None:
        return None
    values = [operands[0].value.node]
    for operator, operand in zip(operators, operands[1:], strict=True):
        node = operand.value.node
        values.append(node if operator == "PLUS" else _negated(node))
    tolerances = [o.value.tolerance for o in operands if o.value.constant is None]
    tolerance = (
        None
        if None in tolerances or not tolerances
        else max(t for t in tolerances if t is not None)
    )
    value = replace(
        typed.value.derived(_folded("+", values)),
        sites=met.sites,
        tolerance=tolerance,
        strict=any(o.value.strict for o in operands),
        scale=max(o.value.scale for o in operands),
    )
    return _finite(replace(value, bare=all(o.value.bare for o in operands)), operands, scope)


def product(
    operands: Sequence[Operand], operators: Sequence[str], scope: Scope
) -> QuantityValue | None:
    """A product or quotient. Its natural unit of change is known only where all but one factor are
    numbers.
    """
    met = meet([(o.value.sites, o.node) for o in operands], scope)
    if met is None:
        return None
    node, dimension = operands[0].value.node, operands[0].value.dimension
    for operator, operand in zip(operators, operands[1:], strict=True):
        other = operand.value
        if operator == "SLASH" and other.constant == 0:
            scope.report(messages.division_by_zero(), operand.node.span)
            return None
        dimension = (
            dimension * other.dimension if operator == "STAR" else dimension / other.dimension
        )
        node = _folded("*" if operator == "STAR" else "/", [node, other.node])
    measured = [o.value for o in operands if o.value.constant is None]
    result = QuantityValue(node, dimension, met.sites, bare=all(o.value.bare for o in operands))
    factor = None
    if len(measured) == 1 and operands[0].value is measured[0]:
        factor = _factor(operands[1:], operators)
    elif len(measured) == 1 and "SLASH" not in operators:
        constants = [o for o in operands if o.value.constant is not None]
        factor = _factor(constants, operators)
    if factor is not None:
        tolerance = None if measured[0].tolerance is None else measured[0].tolerance * factor
        result = replace(
            result,
            scale=measured[0].scale * factor,
            tolerance=tolerance,
            strict=measured[0].strict,
        )
    return _finite(result, operands, scope)


def power(base: Operand, exponent: Operand, scope: Scope) -> QuantityValue | None:
    """A power; the exponent is a plain number, and a root of a dimension has none."""
    number = exponent.value.constant
    if number is None or exponent.value.dimension != PLAIN:
        scope.report(messages.exponent(), exponent.node.span)
        return None
    node = _folded("^", [base.value.node, ir.Constant(number)])
    # A third written as 1/3 has lost its last bits; the dimension of a cube root must not.
    from fractions import Fraction  # it takes longer to import than most programs to check

    exact = (
        float(Fraction(number).limit_denominator(_MAX_ROOT)) if abs(number) < _MAX_POWER else number
    )
    power_ = exact if math.isclose(exact, number, rel_tol=1e-9) else number
    result = QuantityValue(
        node, base.value.dimension.to(power_), base.value.sites, bare=base.value.bare
    )
    return _finite(result, [base, exponent], scope)


def negative(value: QuantityValue) -> QuantityValue:
    """−x."""
    return replace(value.derived(_negated(value.node)), bare=value.bare)


def absolute(value: QuantityValue) -> QuantityValue:
    """|x|."""
    return replace(value.derived(_folded("abs", [value.node])), minimum=0.0, bare=value.bare)


def extreme(op: ir.Operation, operands: Sequence[Operand], scope: Scope) -> QuantityValue | None:
    """The smallest or largest of several quantities."""
    same = total(operands, ["PLUS"] * (len(operands) - 1), scope, "no order")
    return (
        None if same is None else replace(same, node=_folded(op, [o.value.node for o in operands]))
    )


def _factor(constants: Sequence[Operand], operators: Sequence[str]) -> float:
    """By how much a factor of plain numbers scales a change."""
    factor = 1.0
    for operator, operand in zip(operators, constants, strict=True):
        size = abs(operand.value.constant or 0.0) or 1.0
        factor = factor * size if operator == "STAR" else factor / size
    return factor


def _negated(node: ir.Quantity) -> ir.Quantity:
    return (
        ir.Constant(-node.value) if isinstance(node, ir.Constant) else ir.Arithmetic("neg", (node,))
    )


def _folded(op: ir.Operation, nodes: Sequence[ir.Quantity]) -> ir.Quantity:
    """The operation, computed at once where all is known."""
    values = [n.value for n in nodes if isinstance(n, ir.Constant)]
    if len(values) < len(nodes):
        if op in ("+", "*"):
            # A sum of sums is one sum.
            nodes = [
                part
                for n in nodes
                for part in (n.of if isinstance(n, ir.Arithmetic) and n.op == op else (n,))
            ]
        return ir.Arithmetic(op, tuple(nodes))
    try:
        return ir.Constant(_computed(op, values))
    except (OverflowError, ZeroDivisionError):
        return ir.Constant(math.inf)


def _computed(op: ir.Operation, values: Sequence[float]) -> float:
    match op, values:
        case "+", _:
            result = math.fsum(values)
        case "*", _:
            result = math.prod(values)
        case "/", [a, b]:
            result = a / b
        case "^", [a, b]:
            power_ = a**b
            result = power_ if isinstance(power_, float) else math.nan
        case "abs", [a]:
            result = abs(a)
        case "min", _:
            result = min(values)
        case "max", _:
            result = max(values)
        case _:
            raise AssertionError(op)
    # Without the last bits, so that 2 * 1.3 Å and 2.6 Å are the same program.
    return float(f"{result:.12g}") if math.isfinite(result) else result


def _finite(
    value: QuantityValue, operands: Sequence[Operand], scope: Scope
) -> QuantityValue | None:
    if value.constant is None or math.isfinite(value.constant):
        return value
    span = operands[0].node.span.cover(operands[-1].node.span)
    scope.report(messages.not_finite(), span)
    return None


def _words(sites: Sites) -> str:
    """``Cu sites``, for messages."""
    if isinstance(sites, ir.Measure):
        return f"the items of {sites.descriptor}({'-'.join(s.text for s in sites.species)})"
    return f"{'/'.join(sites or ())} sites"
