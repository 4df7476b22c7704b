"""Claims, ``dimer: CN(Cu-Cu) = 1 weight 2``: from syntax to terms of the program, whatever their
strength.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from scoutlang import ir
from scoutlang.ir.source import Span
from scoutlang.language.checking import elaborate
from scoutlang.language.checking.elaborate import Context
from scoutlang.language.checking.scope import Scope
from scoutlang.language.checking.values import TruthValue, WishValue
from scoutlang.language.diagnostics import messages
from scoutlang.language.diagnostics.suggest import did_you_mean, listing
from scoutlang.language.syntax import ast, printer

MAX_NODES, MAX_DEPTH = 5_000, 64
"""Descriptors, operations and connectives in one claim, and how many are inside of each other,
after all definitions are unfolded.
"""

_LOSSES: dict[str, ir.LossName] = {"l1": "l1", "l2": "l2", "huber": "huber", "hinge": "hinge"}
_MAX_LABEL = 40


@dataclass(frozen=True)
class _Modifiers:
    """ambient: parameters of every descriptor in the claim that has them."""

    weight: float = 1.0
    loss: ir.LossName = "l1"
    ambient: Mapping[str, ast.Node] = field(default_factory=dict)


def check(
    verb: ir.Verb, claim: ast.Claim, span: Span, scope: Scope, *, steers: bool, judges: bool
) -> None:
    """Add the term that a claim means, or report why it means none. All that is wrong with it is
    reported. ``steers``: it needs a gradient. ``judges``: it is true or not, so it is no wish.
    """
    label = _label(claim, scope)
    modifiers = _modifiers(claim.modifiers, scope)
    scope.begin_claim(modifiers.ambient if modifiers else {})
    value = elaborate.elaborate(claim.body, Context(scope))
    if value is not None and not isinstance(value, WishValue):
        value = elaborate.as_proposition(value, claim.body, scope)
    for name, place in scope.ambient.items():
        if name not in scope.ambient_used:
            scope.report(messages.no_ambient(name), place.span)
    wishes = isinstance(value, WishValue)
    possible = not steers or _has_gradient(verb, span, wishes, scope)
    if wishes and judges:
        verb_span = Span(span.start, span.start + len(verb))
        scope.report(messages.wish_cannot_judge(verb, not scope.judged_only), verb_span)
        return
    if value is None or modifiers is None or not possible:
        return
    node = value.node
    assert isinstance(value, WishValue | TruthValue)
    # What is short and uses no definitions is small.
    if (scope.expansions or span.end - span.start > MAX_NODES) and _is_too_large(node):
        limit = f"{MAX_NODES} parts, or {MAX_DEPTH} inside of each other"
        scope.report(messages.too_much(limit, "the claim unfolds"), claim.body.span)
        return
    term = ir.Term(
        verb=verb,
        label=label or _free_label(claim.body, scope),
        claim=node,
        text=scope.source.slice(span),
        location=ir.Location(span.start, span.end, scope.source.line_col(span.start)[0]),
        weight=modifiers.weight,
        loss=modifiers.loss,
    )
    scope.labels.setdefault(term.label, span)
    scope.terms.append(term)


def _has_gradient(verb: ir.Verb, span: Span, wishes: bool, scope: Scope) -> bool:
    """Whether all that the claim measures has a gradient; if not, after a report."""
    for name, place in scope.judged_only:
        verb_span = Span(span.start, span.start + len(verb))
        scope.report(messages.no_gradient(name, verb, wishes), verb_span, also=place)
    return not scope.judged_only


def _is_too_large(claim: ir.Node) -> bool:
    count = 0
    todo: list[tuple[object, int]] = [(claim, 1)]
    while todo:
        current, depth = todo.pop()
        if isinstance(current, tuple):
            todo.extend((part, depth) for part in current)
        elif isinstance(current, ir.Node) and hasattr(current, "node"):
            count += 1
            if count > MAX_NODES or depth > MAX_DEPTH:
                return True
            todo.extend(
                (getattr(current, name), depth + 1)
                for name in ("of", "value", "premise", "conclusion")
                if hasattr(current, name)
            )
    return False


# ---- names ----


def _label(claim: ast.Claim, scope: Scope) -> str | None:
    if claim.label is None:
        return None
    name = claim.label.name
    if name.text in scope.labels:
        scope.report(messages.label_twice(name.text), name.span, also=scope.labels[name.text])
    scope.labels.setdefault(name.text, name.span)
    return name.text


def _free_label(body: ast.Node, scope: Scope) -> str:
    """What is measured, ``CN(Cu-P)``, or the beginning of the claim; numbered when an earlier term
    has that name.
    """
    plain = printer.expression(_first_call(body) or body).removesuffix("()")
    plain = plain if len(plain) <= _MAX_LABEL else plain[: _MAX_LABEL - 1] + "…"
    label = plain
    while label in scope.labels:
        scope.repeats[plain] += 1
        label = f"{plain} #{scope.repeats[plain] + 1}"
    return label


def _first_call(node: ast.Node) -> ast.Call | ast.Reference | None:
    """The leftmost descriptor of a claim that has one subject."""
    while not isinstance(node, ast.Call | ast.Reference):
        inner = next(
            (
                getattr(node, name)
                for name in ("first", "subject", "operand")
                if hasattr(node, name)
            ),
            None,
        )
        if inner is None:
            return None
        node = inner
    return node


# ---- how it counts ----


def _modifiers(modifiers: tuple[ast.Modifier, ...], scope: Scope) -> _Modifiers | None:
    found = _Modifiers()
    seen: dict[str, Span] = {}
    right = True
    for modifier in modifiers:
        key = modifier.key.text
        if key in seen:
            right = False
            scope.report(messages.given_twice(key), modifier.span, also=seen[key])
            continue
        seen[key] = modifier.span
        match key, modifier.value:
            case "weight", ast.Quantity(number=ast.Number(value=value), unit=None) if value > 0:
                found = replace(found, weight=value)
            case "loss", ast.Name(text=text) if text in _LOSSES:
                found = replace(found, loss=_LOSSES[text])
            case "symprec", ast.Quantity() as written:
                found = replace(found, ambient={"symprec": written})
            case "weight", ast.Quantity(span=place, unit=None):
                right = False
                scope.report(messages.not_positive("weight"), place)
            case _, value:
                right = False
                guess = (
                    did_you_mean(value.text, _LOSSES)
                    if key == "loss" and isinstance(value, ast.Name)
                    else ""
                )
                needs = guess or (
                    f"needs {listing(_LOSSES)}" if key == "loss" else "needs a number above 0"
                )
                scope.report(messages.wrong_setting(key, needs), value.span)
    return found if right else None
