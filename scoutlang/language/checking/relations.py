"""Relations: a quantity, what it is compared with, and what cannot be right about that."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Literal

from scoutlang import ir
from scoutlang.ir import elements
from scoutlang.ir.source import Span
from scoutlang.ir.units import PLAIN
from scoutlang.language.checking import arithmetic, quantities
from scoutlang.language.checking.elaborate import Context, meaning, quantity
from scoutlang.language.checking.scope import Scope
from scoutlang.language.checking.values import Operand, QuantityValue, TruthValue, WishValue
from scoutlang.language.diagnostics import messages
from scoutlang.language.diagnostics.messages import Message
from scoutlang.language.diagnostics.suggest import closest, listing, quoted
from scoutlang.language.syntax import ast

_FLIPPED: dict[str, ast.Comparator] = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_WISHES: dict[str, Literal["low", "high"]] = {"low": "low", "high": "high"}
HALF = 0.5
"""Tolerance of whole numbers: categories and truth values."""

# Below this share of the radii sum a distance is no bond of any kind; the shortest real ones are
# near 0.75.
_SHORTEST_SHARE = 0.5
# of the radii sum: beyond it a value read as nm is no plausible distance either
_LONGEST_SHARE = 3.0
ANGSTROM_PER_NM = 10.0
_LEAST_PERCENT, _PERCENT = 2, 100


@meaning.register(ast.Comparison)
def _comparison(node: ast.Comparison, context: Context) -> TruthValue | None:
    """``x = 4 ± 0.3``, ``x > y``, ``3 < x < 5``."""
    steps = []
    left = node.first
    for link in node.links:
        steps.append((left, link))
        left = link.value
    found = [_step(left, link, context) for left, link in steps]
    truths = [t for t in found if t is not None]
    if len(truths) < len(found):
        return None
    met = arithmetic.meet([(t.sites, node) for t in truths], context.scope)
    if met is None:
        return None
    return (
        truths[0]
        if len(truths) == 1
        else TruthValue(ir.And(tuple(t.node for t in truths)), met.sites)
    )


@meaning.register(ast.Within)
def _within(node: ast.Within, context: Context) -> TruthValue | None:
    """``x in [14, 22] Å^3``."""
    value = quantity(node.subject, context)
    if value is None:
        return None
    if _is_word(value, node, context.scope):
        return None
    ends = interval(node.range, value, _name(value, node.subject, context.scope), context)
    if ends is None:
        return None
    low, high = ends
    # Each end is judged, so that every wrong one is reported.
    possible = [
        _possible(value, v, n, node.subject, context.scope)
        for n, v in ((node.range.low, low), (node.range.high, high))
    ]
    if not all(possible):
        return None
    relation = ir.Relation("in", low=low, high=high, scale=value.scale)
    _doubts(value, relation, high, node.range.high, context.scope)
    return TruthValue(ir.Compare(value.node, relation, value.dimension.unit), value.sites)


def interval(
    range_: ast.Range, value: QuantityValue, what: str, context: Context
) -> tuple[float, float] | None:
    """The ends of a range in the dimension of a value, or None after a report."""
    ends = constants([range_.low, range_.high], range_.unit, value, what, context)
    if ends is None:
        return None
    if None in ends:
        wrong = range_.low if ends[0] is None else range_.high
        context.scope.report(messages.measured_range(), wrong.span)
        return None
    low, high = (e for e in ends if e is not None)
    if low > high:
        backwards(range_, context.scope)
        return None
    return low, high


def backwards(range_: ast.Range, scope: Scope) -> None:
    """Report a range whose lower end is the larger one."""
    unit = f" {range_.unit.text}" if range_.unit else ""
    right = f"[{scope.slice(range_.high.span)}, {scope.slice(range_.low.span)}]{unit}"
    scope.report(messages.backwards(right), range_.span)


@meaning.register(ast.Among)
def _among(node: ast.Among, context: Context) -> TruthValue | None:
    """``crystal_system in {cubic, tetragonal}``, ``CN(Cu-P) in {4, 6}``."""
    found = [_equal(node.subject, item, context) for item in node.set.items]
    truths = [t for t in found if t is not None]
    if len(truths) < len(found) or not truths:
        return None
    if len(truths) > 1 and not context.per_site:
        _doubt_mean(node, context)
    return (
        truths[0]
        if len(truths) == 1
        else TruthValue(ir.Or(tuple(t.node for t in truths)), truths[0].sites)
    )


def _doubt_mean(node: ast.Among, context: Context) -> None:
    """``angle(O-Cu-O) in {90, 180}`` asks the mean of all angles, which is neither."""
    value = quantity(node.subject, context)
    if (
        value is not None
        and value.signature is not None
        and value.signature.domain == "item"
        and value.signature.aggregate == "mean"
    ):
        context.scope.report(
            messages.mean_of_several(context.scope.slice(node.span)), node.subject.span
        )


@meaning.register(ast.Wish)
def _wish(node: ast.Wish, context: Context) -> WishValue | None:
    """``x as low as possible``."""
    right = True
    for name, words in ((node.direction, ("low", "high")), (node.ending, ("possible",))):
        if name.text not in words:
            right = False
            context.scope.report(messages.no_wish(name.text, words), name.span)
    value = quantity(node.subject, context)
    if value is None or not right:
        return None
    low = node.direction.text == "low"
    direction = ir.Relation("<=", high=-math.inf) if low else ir.Relation(">=", low=-math.inf)
    _concerns(value, direction, node.subject, context.scope)
    return WishValue(
        ir.Wish(value.node, _WISHES[node.direction.text], value.scale, value.dimension.unit)
    )


def constants(
    nodes: Sequence[ast.Node],
    shared: ast.Unit | None,
    value: QuantityValue,
    what: str,
    context: Context,
) -> list[float | None] | None:
    """Numbers in the dimension of a value, None where one is not a number but something measured;
    None for all after a report.

    A unit that is written once counts for all that have none.
    """
    plain = [n for n in nodes if isinstance(n, ast.Quantity)]
    resolved = quantities.resolve_together(plain, shared, value.dimension, what, context.scope)
    if resolved is None:
        return None
    written = iter(resolved)
    found: list[float | None] = []
    for node in nodes:
        if isinstance(node, ast.Quantity):
            found.append(next(written))
            continue
        other = quantity(node, context)
        if other is None:
            return None
        if not other.bare and other.dimension != value.dimension:
            text = context.scope.slice(node.span)
            message = messages.cannot_compare(text, other.dimension, what, value.dimension)
            context.scope.report(message, node.span)
            return None
        found.append(other.constant)
    return found


# ---- comparisons ----


def _step(left: ast.Node, link: ast.Link, context: Context) -> TruthValue | None:
    scope = context.scope
    operator = link.operator.symbol
    if link.operator.terminal == "DOUBLE_EQUAL":
        scope.report(messages.double_equal(), link.operator.span)
    subject, other = left, link.value
    value = quantity(subject, context)
    if value is None:
        return None
    if value.constant is not None:
        flipped = quantity(other, context)
        if flipped is None:
            return None
        if flipped.constant is not None:
            scope.report(messages.two_numbers(), left.span.cover(other.span))
            return None
        value, subject, other, operator = flipped, other, left, _FLIPPED[operator]
    if value.signature is not None and value.signature.categories:
        return _category(value, operator, other, link, scope)
    numbered = _numbered(value, other, scope)
    if numbered is None:
        return None
    other = numbered
    tolerances = [link.tolerance.value] if link.tolerance else []
    numbers = constants([other, *tolerances], None, value, _name(value, subject, scope), context)
    if numbers is None:
        return None
    number, *given = numbers
    tolerance = _tolerance(operator, link, given, value, scope)
    if tolerance is False:
        return None
    if number is None:
        return _two_measured(value, subject, link, tolerance, context)
    if not _possible(value, number, other, subject, scope) or _never(
        value, operator, number, subject, link, scope
    ):
        return None
    strict = value.strict and link.tolerance is None
    relation = _relation(operator, number, tolerance, value.scale, strict=strict)
    _doubts(value, relation, number, other, scope)
    return TruthValue(ir.Compare(value.node, relation, value.dimension.unit), value.sites)


def _equal(subject: ast.Node, item: ast.Node, context: Context) -> TruthValue | None:
    """One alternative of `among`."""
    value = quantity(subject, context)
    if value is None:
        return None
    if value.signature is not None and value.signature.categories:
        return _category(value, "=", item, None, context.scope)
    numbered = _numbered(value, item, context.scope)
    if numbered is None:
        return None
    item = numbered
    numbers = constants([item], None, value, _name(value, subject, context.scope), context)
    if numbers is None:
        return None
    if numbers[0] is None or value.tolerance is None:
        text = (
            "write a number"
            if numbers[0] is None
            else "compare with `=` and a tolerance, and join the parts with `or`"
        )
        context.scope.report(messages.not_in_a_set(text), item.span)
        return None
    if not _possible(value, numbers[0], item, subject, context.scope):
        return None
    relation = _relation("=", numbers[0], value.tolerance, value.scale, strict=value.strict)
    return TruthValue(ir.Compare(value.node, relation, value.dimension.unit), value.sites)


def _category(
    value: QuantityValue,
    operator: ast.Comparator,
    other: ast.Node,
    link: ast.Link | None,
    scope: Scope,
) -> TruthValue | None:
    """``crystal_system = cubic``."""
    assert value.signature is not None
    words = value.signature.categories
    text = other.text if isinstance(other, ast.Reference | ast.Text) else scope.slice(other.span)
    if text not in words:
        known = f"it is one of {listing(words)}"
        guess = closest(text, words)
        message = messages.never_this_choice(value.signature.name, text, guess, known)
        scope.report(message, other.span)
        return None
    if operator != "=" or (link is not None and link.tolerance is not None):
        place = link.operator.span if link is not None and operator != "=" else other.span
        scope.report(messages.word_has_no_order(value.signature.name, text), place)
        return None
    relation = ir.Relation("=", target=float(words.index(text)), tolerance=HALF)
    return TruthValue(ir.Compare(value.node, relation), value.sites)


def _numbered(value: QuantityValue, node: ast.Node, scope: Scope) -> ast.Node | None:
    """The number that a name of a value stands for, as `Fm-3m` for 225, or None after a report;
    anything else as it is. A name that the program defines is what the program says.
    """
    number_of = value.signature.number_of if value.signature is not None else None
    if number_of is None or isinstance(node, ast.Quantity):
        return node
    text = node.text if isinstance(node, ast.Text) else scope.slice(node.span)
    if text in scope.names.definitions:
        return node
    number = number_of(text)
    if number is None:
        if isinstance(node, ast.Text) or (isinstance(node, ast.Reference) and "." not in text):
            scope.report(messages.no_space_group(text), node.span)
            return None
        return node
    return ast.Quantity(node.span, ast.Number(node.span, float(number), str(number)), None)


def _is_word(value: QuantityValue, node: ast.Within, scope: Scope) -> bool:
    if value.signature is None or not value.signature.categories:
        return False
    scope.report(messages.word_has_no_range(value.signature.name), node.range.span)
    return True


def _two_measured(
    value: QuantityValue,
    subject: ast.Node,
    link: ast.Link,
    tolerance: float | None,
    context: Context,
) -> TruthValue | None:
    """``CN(Cu-P) > CN(Cu-Cu)``: their difference against 0."""
    other = link.value
    second = quantity(other, context)
    assert second is not None  # `constants` read it already
    difference = arithmetic.total(
        [Operand(value, subject), Operand(second, other)], ["HYPHEN"], context.scope
    )
    if difference is None:
        return None
    relation = _relation(
        link.operator.symbol,
        0.0,
        tolerance,
        difference.scale,
        strict=difference.strict and link.tolerance is None,
    )
    return TruthValue(
        ir.Compare(difference.node, relation, difference.dimension.unit), difference.sites
    )


def _relation(
    operator: ast.Comparator,
    number: float,
    tolerance: float | None,
    scale: float,
    *,
    strict: bool,
) -> ir.Relation:
    match operator:
        case "=":
            return ir.Relation("=", target=number, tolerance=tolerance, scale=scale, strict=strict)
        case "<" | "<=":
            return ir.Relation(operator, high=number, scale=scale)
        case _:
            return ir.Relation(operator, low=number, scale=scale)


def _tolerance(
    operator: ast.Comparator,
    link: ast.Link,
    given: Sequence[float | None],
    value: QuantityValue,
    scope: Scope,
) -> float | Literal[False] | None:
    """The half-width of ``=``, None for the other operators, False after a report."""
    if link.tolerance is None:
        if operator != "=":
            return None
        if value.tolerance is None:
            scope.report(messages.needs_tolerance(), link.span)
            return False
        return value.tolerance
    place = link.tolerance.span
    tolerance = given[0]
    if operator != "=":
        scope.report(messages.no_tolerance(operator), place)
    elif tolerance is None:
        scope.report(messages.measured_tolerance(), place)
    elif tolerance <= 0:
        scope.report(messages.not_positive("tolerance"), place)
    else:
        return tolerance
    return False


# ---- what cannot be right ----


def _possible(
    value: QuantityValue, number: float, node: ast.Node, subject: ast.Node, scope: Scope
) -> bool:
    if value.minimum <= number <= value.maximum:
        return True
    name, unit = _name(value, subject, scope), value.dimension.unit
    if number < value.minimum:
        least = "negative" if value.minimum == 0 else f"below {value.minimum:g} {unit}".rstrip()
        scope.report(
            messages.never_below(name, least, f"needs a value from {value.minimum:g}"), node.span
        )
    else:
        percent = (
            value.maximum == 1 and _LEAST_PERCENT <= number <= _PERCENT and value.dimension == PLAIN
        )
        text = (
            f"{number:g} % is {number / _PERCENT:g}"
            if percent
            else f"needs a value up to {value.maximum:g}"
        )
        most = f"{value.maximum:g} {unit}".rstrip()
        scope.report(messages.never_above(name, most, text), node.span)
    return False


def _never(
    value: QuantityValue,
    operator: ast.Comparator,
    number: float,
    subject: ast.Node,
    link: ast.Link,
    scope: Scope,
) -> bool:
    name, unit = _name(value, subject, scope), value.dimension.unit
    if operator == "<" and number <= value.minimum:
        text = f"{value.minimum:g} is the least value; did you mean `<=`?"
        scope.report(
            messages.never_below(name, f"below {value.minimum:g} {unit}".rstrip(), text), link.span
        )
        return True
    if operator == ">" and number >= value.maximum:
        text = f"{value.maximum:g} is the largest value; did you mean `>=`?"
        scope.report(
            messages.never_above(name, f"{value.maximum:g} {unit}".rstrip(), text), link.span
        )
        return True
    return False


def _doubts(
    value: QuantityValue,
    relation: ir.Relation,
    number: float,
    node: ast.Node,
    scope: Scope,
) -> None:
    """What the descriptor itself has to say about its use, and lengths that look like another
    unit.
    """
    _concerns(value, relation, node, scope)
    if (
        value.measure is not None
        and all(s.elements for s in value.measure.species)
        and value.dimension.unit == "Å"
    ):
        chosen = value.measure.species
        warn_when_short(node.span, number, chosen, scope, only_slips=relation.op in (">", ">="))
        if relation.op not in ("<", "<="):
            _warn_when_long(node, number, chosen, scope)


def _concerns(value: QuantityValue, relation: ir.Relation, node: ast.Node, scope: Scope) -> None:
    if (
        value.measure is None
        or value.signature is None
        or not all(s.elements for s in value.measure.species)
    ):
        return
    for concern in (
        value.signature.concerns(value.measure, relation) if value.signature.concerns else ()
    ):
        if concern.code.startswith("W"):  # an error does not wait for a number: the call says it
            scope.report(Message(concern.code, concern.message, concern.advice), node.span)


def warn_when_short(
    span: Span,
    value: float,
    chosen: Sequence[ir.Species],
    scope: Scope,
    *,
    only_slips: bool = False,
) -> None:
    """A length between two species far below their radii: usually nm written as Å. A lower bound
    may be as low as it likes otherwise.
    """
    if len(chosen) != 2:
        return
    sums = list(_radii_sums(chosen[0], chosen[1]))
    if not sums or value >= _SHORTEST_SHARE * min(sums):
        return
    pair = "-".join(s.text for s in chosen)
    as_nm = value * ANGSTROM_PER_NM / min(sums)
    slip = "; was this nm?" if _SHORTEST_SHARE <= as_nm <= _LONGEST_SHARE else ""
    if slip or not only_slips:
        scope.report(messages.shorter_than_bonds(value, pair, min(sums), slip), span)


def _warn_when_long(
    node: ast.Node, value: float, chosen: Sequence[ir.Species], scope: Scope
) -> None:
    """A length that is no bond in the unit that is written, and would be one in Å: nm for Å. One in
    Å may be as long as it likes.
    """
    written = node.unit if isinstance(node, ast.Quantity) else None
    if written is None or not isinstance(node, ast.Quantity) or len(chosen) != 2:
        return
    sums = list(_radii_sums(chosen[0], chosen[1]))
    if sums and value > _LONGEST_SHARE * max(sums) >= node.number.value:
        pair = "-".join(s.text for s in chosen)
        scope.report(messages.longer_than_bonds(value, pair, max(sums), written.text), node.span)


def _radii_sums(a: ir.Species, b: ir.Species) -> Iterator[float]:
    for first, second in itertools.product(a.elements, b.elements):
        if first in elements.COVALENT_RADIUS and second in elements.COVALENT_RADIUS:
            yield elements.bond_radius(first, second)


def _name(value: QuantityValue, node: ast.Node, scope: Scope) -> str:
    """What a value is called in a message about its unit."""
    return value.signature.name if value.signature else quoted(scope.slice(node.span))
