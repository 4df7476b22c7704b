"""Syntax tree → text in the usual form: one spelling for every expression and statement, whatever
the spaces and spellings it was written with.

``parse(format(p)) == p`` up to spans and spellings (``Ang`` and ``Å``, ``==`` and ``=``), and
formatting twice changes nothing. `layout` puts the statements of a file together, with their
comments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from scoutlang.ir import space_groups
from scoutlang.ir.units import find_unit
from scoutlang.language.syntax import ast
from scoutlang.language.syntax.functions import FUNCTIONS

# How tightly an expression holds together: one inside a tighter place needs brackets.
_IMPLICATION, _EITHER, _BOTH, _NEGATION, _RELATION, _SUM, _PRODUCT, _SIGN, _POWER, _PRIMARY = range(
    10
)
_LEVEL: dict[type[ast.Node], int] = {
    ast.Implication: _IMPLICATION,
    ast.Either: _EITHER,
    ast.Both: _BOTH,
    ast.Negation: _NEGATION,
    ast.Quantified: _NEGATION,
    ast.Comparison: _RELATION,
    ast.Within: _RELATION,
    ast.Among: _RELATION,
    ast.Wish: _RELATION,
    ast.Addition: _SUM,
    ast.Multiplication: _PRODUCT,
    ast.Negative: _SIGN,
    ast.Raised: _POWER,
}
OPERAND = _SUM
"""Where a quantity stands that must not be a relation."""

_SPECIES_NAME = re.compile(r"[A-Z][a-z]?$")
_NO_DIGIT_BEFORE, _NO_DIGIT_AFTER = re.compile(r"^(-?)(?=\.)"), re.compile(r"\.(?!\d)")


def expression(node: ast.Node, level: int = _IMPLICATION) -> str:
    """An expression in a place that needs at least this level; brackets are added where it is
    looser.
    """
    own = _level(node)
    text = _expression(node)
    return f"({text})" if own < level else text


def _level(node: ast.Node) -> int:
    if isinstance(node, ast.Quantity) and node.number.text.startswith("-"):
        return _SIGN
    return _LEVEL.get(type(node), _PRIMARY)


def _expression(node: ast.Node) -> str:
    match node:
        case ast.Quantity(number=number, unit=unit_):
            return number_text(number) + _unit_after(unit_)
        case ast.Text(text=text):
            return f'"{text}"'
        case ast.Reference(text=text):
            return text
        case ast.Star():
            return "*"
        case ast.Set(items=items):
            return "{" + ", ".join(side(i) for i in items) + "}"
        case ast.Call(callee=callee, arguments=arguments):
            argument = expression if callee.text in FUNCTIONS else _argument
            return f"{callee.text}({', '.join(argument(a) for a in arguments)})"
        case ast.Raised(base=base, exponent=exponent):
            # Without brackets the power would be one of the unit: `(2 Å)^3` is 8 Å^3.
            above = _PRIMARY + 1 if isinstance(base, ast.Quantity) and base.unit else _PRIMARY
            return f"{expression(base, above)}^{expression(exponent, _SIGN)}"
        case ast.Negative(operand=operand):
            return f"-{expression(operand, _POWER)}"
        case ast.Multiplication(operands=operands, operators=operators):
            return _joined(
                operands, [" / " if o.terminal == "SLASH" else " * " for o in operators], _SIGN
            )
        case ast.Addition(operands=operands, operators=operators):
            hyphen = "-" if _is_chain(node, _is_species) else " - "
            return _joined(
                operands, [" + " if o.terminal == "PLUS" else hyphen for o in operators], _PRODUCT
            )
        case ast.Comparison(first=first, links=links):
            parts = [expression(first, _SUM)]
            for link in links:
                tolerance = f" ± {expression(link.tolerance.value, _SUM)}" if link.tolerance else ""
                parts.append(f"{link.operator.symbol} {side(link.value)}{tolerance}")
            return " ".join(parts)
        case ast.Within(subject=subject, range=range_):
            return f"{expression(subject, _SUM)} in {range_text(range_)}"
        case ast.Among(subject=subject, set=choices):
            return f"{expression(subject, _SUM)} in {expression(choices)}"
        case ast.Wish(subject=subject, direction=direction, ending=ending):
            return f"{expression(subject, _SUM)} as {direction.text} as {ending.text}"
        case ast.Negation(operand=operand):
            # Brackets that a reader wants, though the grammar does not: `not (x > 1)`.
            return f"not {expression(operand, _SUM if _level(operand) == _RELATION else _NEGATION)}"
        case ast.Quantified(word=word, operand=operand):
            return f"{word.text} {expression(operand, _NEGATION)}"
        case ast.Both(operands=operands):
            return " and ".join(expression(o, _NEGATION) for o in operands)
        case ast.Either(operands=operands):
            return " or ".join(expression(o, _BOTH) for o in operands)
        case ast.Implication(premise=premise, conclusion=conclusion):
            return f"{expression(premise, _EITHER)} implies {expression(conclusion, _EITHER)}"
    raise AssertionError(node)


def side(node: ast.Node) -> str:
    """One side of a relation, or an item of a set: a sum, or a space group, whose symbol is printed
    as in tables although its parts are those of a difference: ``Fm-3m``, ``P6_3/mmc``.
    """
    text = expression(node, _SUM)
    if isinstance(node, ast.Addition | ast.Multiplication):
        symbol = "".join(text.split())
        return symbol if space_groups.number_of(symbol) else text
    return text


def _joined(operands: Sequence[ast.Node], joints: Sequence[str], level: int) -> str:
    """A sign after an operator stands in brackets: ``4 + -0.3`` is read as a slip for ``4 ±
    0.3``.
    """
    text = expression(operands[0], level)
    for joint, operand in zip(joints, operands[1:], strict=True):
        part = expression(operand, level)
        text += joint + (f"({part})" if part.startswith("-") else part)
    return text


def _argument(node: ast.Node) -> str:
    """An argument of a descriptor or motif: ``r=2.6 Å`` without blanks around the sign, as it is
    usually written, and names as species.
    """
    match node:
        case ast.Comparison(first=ast.Reference(names=(name,)), links=(link,)) if (
            link.operator.symbol == "=" and not link.tolerance
        ):
            return f"{name.text}={expression(link.value, _SUM)}"
        case ast.Addition(operands=operands) if _is_chain(node, _is_name):
            return chain(operands)
    return expression(node)


def chain(species: Sequence[ast.Node]) -> str:
    """``P-Cu-P``."""
    return "-".join(expression(s, _PRODUCT) for s in species)


def _is_chain(node: ast.Addition, decisive: Callable[[ast.Node], bool]) -> bool:
    """Whether a sum reads as species: names, stars and sets with hyphens between, and one of them
    that decides.
    """
    joined = all(o.terminal != "PLUS" for o in node.operators)
    return (
        joined
        and all(_is_name(o) for o in node.operands)
        and any(decisive(o) for o in node.operands)
    )


def _is_name(node: ast.Node) -> bool:
    return isinstance(node, ast.Star | ast.Set | ast.Reference)


def _is_species(node: ast.Node) -> bool:
    """Whether this is surely species: an element, or a parameter with a name like one."""
    return isinstance(node, ast.Star | ast.Set) or (
        isinstance(node, ast.Reference) and bool(_SPECIES_NAME.match(node.text))
    )


def number_text(node: ast.Number) -> str:
    """A number as it is written, with a digit on both sides of its point or none."""
    return _NO_DIGIT_AFTER.sub("", _NO_DIGIT_BEFORE.sub(r"\g<1>0", node.text))


def _unit_after(node: ast.Unit | None) -> str:
    """`` Å``, ``°``: a unit with the blank before it."""
    text = "" if node is None else unit(node)
    return text if text in ("", "°") else f" {text}"


def unit(node: ast.Unit) -> str:
    """The preferred spelling of a unit; an unknown one as it is. A volume per atom keeps its
    ``/atom``.
    """
    known = find_unit(node.text)
    if known is None:
        return node.text
    return (
        f"{known.name}/atom"
        if node.text.endswith("/atom") and not known.name.endswith("/atom")
        else known.name
    )


def range_text(node: ast.Range) -> str:
    """``[14, 22] Å^3``."""
    return f"[{expression(node.low, _SUM)}, {expression(node.high, _SUM)}]" + _unit_after(node.unit)


def claim(node: ast.Claim) -> str:
    """``dimer: CN(Cu-Cu) = 1 weight 2``."""
    label = f"{node.label.name.text}: " if node.label else ""
    return " ".join([f"{label}{expression(node.body)}", *(_modifier(m) for m in node.modifiers)])


def _modifier(node: ast.Modifier) -> str:
    value = node.value.text if isinstance(node.value, ast.Name) else expression(node.value)
    return f"{node.key.text} {value}"


def place(node: ast.Place) -> str:
    """A parameter of a motif."""
    return (
        node.name.text
        if node.default is None
        else f"{node.name.text} = {expression(node.default, _SUM)}"
    )


def settings(nodes: Sequence[ast.Setting], separator: str = ", ") -> str:
    """``k=0.8, from 0.9 to 0.03, every 2``: symbols take ``=``, words do not."""
    text, before = "", ""
    for node in nodes:
        key = node.key.text
        if before:
            text += " " if (before, key) == ("from", "to") else separator
        text += f"{key}{'=' if len(key) == 1 else ' '}{_setting_value(node.value)}"
        text += _unit_after(node.unit)
        before = key
    return text


def _setting_value(node: ast.Node) -> str:
    match node:
        case ast.Number():
            return number_text(node)
        case ast.Name(text=text):
            return text
        case ast.Text(text=text):
            return f'"{text}"'
        case ast.Schedule(name=name, points=points):
            return f"{name.text}({', '.join(_setting_value(p) for p in points)})"
        case ast.Change(start=start, end=end):
            return f"{number_text(start)} -> {number_text(end)}"
        case ast.Knot(time=time, value=value):
            return f"{number_text(time)}: {number_text(value)}"
    raise AssertionError(node)
