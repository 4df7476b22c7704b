"""Claims, ``dimer: CN(Cu-Cu) = 1 weight 2``: from syntax to terms of the program, whatever their strength."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Literal

from scoutlang import elements, ir
from scoutlang.diagnostics import Label
from scoutlang.diagnostics.suggest import closest, did_you_mean, listing, quoted
from scoutlang.frontend import quantities, species
from scoutlang.frontend.ast import Call, Claim, Comparison, Demand, Modifier, Name, Named, Number, Quantity, Wish, Within
from scoutlang.frontend.scope import Scope
from scoutlang.signatures import CANONICAL_UNIT, DescriptorSignature, Parameter
from scoutlang.source import Span

Verb = Literal["require", "prefer", "expect"]

# Terminal of the grammar → operator of the IR. `==` is reported, then read as `=`.
OPERATORS: dict[str, Literal["=", "<", "<=", ">", ">="]] = {
    "EQUAL": "=",
    "DOUBLE_EQUAL": "=",
    "LESS": "<",
    "LESS_EQUAL": "<=",
    "GREATER": ">",
    "GREATER_EQUAL": ">=",
}

_LOSSES: dict[str, ir.LossName] = {"l1": "l1", "l2": "l2", "huber": "huber", "hinge": "hinge"}
_WISHES: dict[str, Literal["minimize", "maximize"]] = {"low": "minimize", "high": "maximize"}
# Below this share of the radii sum a distance is no bond of any kind; the shortest real ones are near 0.75.
_SHORTEST_SHARE = 0.5
_LONGEST_SHARE = 3.0  # of the radii sum: beyond it a value read as nm is no plausible distance either
_ANGSTROM_PER_NM = 10.0


def check(verb: Verb, claim: Claim, span: Span, scope: Scope) -> None:
    """Add the term that a claim means, or report why it means none. All that is wrong with it is reported."""
    label = _label(claim, scope)
    signature = _signature(claim.call, scope)
    if signature is None:
        _modifiers(claim.modifiers, scope)
        return
    if verb != "expect" and not signature.differentiable:
        text = "write `expect`, which judges without steering"
        verb_span = Span(span.start, span.start + len(verb))
        message = f"{signature.name} has no gradient, so `{verb}` cannot use it"
        scope.report("E051", message, verb_span, text, replacement="expect")
    measure = _measure(claim.call, signature, scope)
    chosen = measure.species if measure else None
    match claim.demand:
        case Wish() as wish:
            relation = _wish(verb, wish, span, signature, scope)
        case Within() as within:
            relation = _within(within, signature, chosen, scope)
        case Comparison() as comparison:
            relation = _comparison(comparison, signature, chosen, scope)
        case other:
            raise AssertionError(other)
    modifiers = _modifiers(claim.modifiers, scope)
    if measure is None or relation is None or modifiers is None:
        return
    weight, loss = modifiers
    term = ir.Term(
        verb=verb,
        label=label or _free_label(measure, scope),
        measure=measure,
        relation=relation,
        weight=weight,
        loss=loss,
        text=scope.source.slice(span),
        location=ir.Location(start=span.start, end=span.end, line=scope.source.line_col(span.start)[0]),
    )
    scope.labels.setdefault(term.label, span)
    scope.terms.append(term)


def backwards(demand: Demand, low: Number, high: Number, scope: Scope) -> None:
    """Report a range whose lower end is the larger one."""
    scope.report("E042", "the range is backwards", demand.span, f"write `[{high.text}, {low.text}]`")


# ---- names ----


def _label(claim: Claim, scope: Scope) -> str | None:
    if claim.label is None:
        return None
    name = claim.label.name
    if name.text in scope.labels:
        first = Label(scope.labels[name.text], "first here")
        scope.report("E022", f"the label {quoted(name.text)} is used twice", name.span, "choose another", also=first)
    scope.labels.setdefault(name.text, name.span)
    return name.text


def _free_label(measure: ir.Measure, scope: Scope) -> str:
    """``CN(Cu-P)``, numbered when an earlier term has that name."""
    chain = "-".join(s.text for s in measure.species)
    plain = f"{measure.descriptor}({chain})" if chain else measure.descriptor
    label = plain
    while label in scope.labels:
        scope.repeats[plain] += 1
        label = f"{plain} #{scope.repeats[plain] + 1}"
    return label


def _signature(call: Call, scope: Scope) -> DescriptorSignature | None:
    found = scope.signatures.get(call.name.text)
    if found is None:
        guess = closest(call.name.text, scope.signatures)
        text = f"did you mean `{guess}`?" if guess else f"known are {listing(sorted(scope.signatures), 'and')}"
        scope.report("E032", f"unknown descriptor {quoted(call.name.text)}", call.name.span, text, replacement=guess)
    return found


# ---- what is measured ----


def _measure(call: Call, signature: DescriptorSignature, scope: Scope) -> ir.Measure | None:
    chosen = _species(call, signature, scope)
    parameters = _parameters(call, signature, chosen, scope)
    if chosen is None or parameters is None:
        return None
    return ir.Measure(descriptor=signature.name, species=chosen, parameters=parameters, aggregate=signature.aggregate, unit=signature.unit)


def _species(call: Call, signature: DescriptorSignature, scope: Scope) -> tuple[ir.Species, ...] | None:
    for chain in call.chains:
        species.check_dashes(chain, scope)
    written = [s for chain in call.chains for s in chain.species]
    resolved = [species.resolve(s, scope) for s in written]
    if len(written) != signature.species:
        _wrong_species(call, signature, scope)
    elif len(call.chains) > 1:
        span = call.chains[0].span.cover(call.chains[-1].span)
        right = "-".join(scope.source.slice(s.span) for s in written)
        scope.report(
            "E033", "species are joined with a hyphen", span, f"write `{signature.name}({right})`, centre first", replacement=right
        )
    known = tuple(s for s in resolved if s is not None)
    return known if len(known) == len(written) == signature.species and len(call.chains) <= 1 else None


def _wrong_species(call: Call, signature: DescriptorSignature, scope: Scope) -> None:
    place = call.chains[0].span.cover(call.chains[-1].span) if call.chains else call.name.span
    if signature.species == 0:
        message, text = f"{signature.name} takes no species", "it is a property of the whole cell"
    else:
        symbols = (scope.system if len(scope.system) >= signature.species else "ABCDEF")[: signature.species]
        message = f"{signature.name} takes {signature.species} species"
        text = f"write `{signature.name}({'-'.join(symbols)})`, centre first"
    scope.report("E033", message, place, text)


def _parameters(
    call: Call, signature: DescriptorSignature, chosen: tuple[ir.Species, ...] | None, scope: Scope
) -> tuple[tuple[str, float], ...] | None:
    known = {p.name: p for p in signature.parameters}
    values: dict[str, float] = {}
    for given in call.parameters:
        name = given.name.text
        if name not in known:
            text = did_you_mean(name, known) or (f"it has {listing(known, 'and')}" if known else "it has none")
            scope.report("E034", f"{signature.name} has no parameter {quoted(name)}", given.name.span, text)
        elif name in values:
            scope.report("E025", f"`{name}` is given twice", given.span, "remove this one")
            return None
        else:
            value = _parameter(given, known[name], signature, scope)
            if value is not None:
                values[name] = value
                _warn_when_short(given.quantity, value, known[name].dimension, chosen, scope)
    return tuple(values.items()) if len(values) == len(call.parameters) else None


def _parameter(given: Named, parameter: Parameter, signature: DescriptorSignature, scope: Scope) -> float | None:
    value = quantities.resolve(given.quantity, parameter.dimension, f"`{parameter.name}`", scope)
    if value is None or parameter.minimum <= value <= parameter.maximum:
        return value
    limits = f"from {parameter.minimum:g} to {parameter.maximum:g} {CANONICAL_UNIT[parameter.dimension]}".rstrip()
    slip = parameter.dimension == "length" and parameter.minimum <= value * _ANGSTROM_PER_NM <= parameter.maximum
    text = f"needs a value {limits}" + ("; was this nm?" if slip else "")
    scope.report("E045", f"`{parameter.name}` of {signature.name} is out of range", given.quantity.span, text)
    return None


# ---- what is demanded of it ----


def _wish(verb: Verb, wish: Wish, span: Span, signature: DescriptorSignature, scope: Scope) -> ir.Relation | None:
    right = True
    for name, words in ((wish.direction, ("low", "high")), (wish.ending, ("possible",))):
        if name.text not in words:
            right = False
            text = did_you_mean(name.text, words) or f"expected {listing(f'`{w}`' for w in words)}"
            scope.report("E053", f"a wish has no {quoted(name.text)}", name.span, text, help="for example: as low as possible")
    if verb != "prefer":
        right = False
        verb_span = Span(span.start, span.start + len(verb))
        message = f"`{verb}` decides hits, and a wish is neither true nor false"
        scope.report("E052", message, verb_span, "write `prefer`, or give a bound", replacement="prefer")
    return ir.Relation(op=_WISHES[wish.direction.text], scale=signature.scale) if right else None


def _within(within: Within, signature: DescriptorSignature, chosen: tuple[ir.Species, ...] | None, scope: Scope) -> ir.Relation | None:
    values = quantities.resolve_together([within.low, within.high], within.unit, signature.dimension, signature.name, scope)
    if values is None:
        return None
    low, high = values
    if low > high:
        backwards(within, within.low.number, within.high.number, scope)
        return None
    # Each end is judged, so that every wrong one is reported.
    possible = [_possible(q, v, signature, scope) for q, v in ((within.low, low), (within.high, high))]
    if not all(possible):
        return None
    _warn_when_short(within.high, high, signature.dimension, chosen, scope)
    return ir.Relation(op="in", low=low, high=high, scale=signature.scale)


def _comparison(
    comparison: Comparison, signature: DescriptorSignature, chosen: tuple[ir.Species, ...] | None, scope: Scope
) -> ir.Relation | None:
    operator = OPERATORS[comparison.operator.terminal]
    if comparison.operator.terminal == "DOUBLE_EQUAL":
        place = comparison.operator.span
        scope.report("E015", "`==` is written `=`", place, "write `=`", replacement="=")
    written = [comparison.quantity] + ([comparison.tolerance.quantity] if comparison.tolerance else [])
    values = quantities.resolve_together(written, None, signature.dimension, signature.name, scope)
    if values is None:
        return None
    value = values[0]
    valid = _possible(comparison.quantity, value, signature, scope) and not _never_below(comparison, operator, value, signature, scope)
    tolerance = signature.tolerance
    if comparison.tolerance is not None:
        tolerance = values[1]
        place = comparison.tolerance.span
        if operator != "=":
            scope.report("E047", f"`{operator}` has no tolerance", place, "remove it, or move the bound")
            valid = False
        elif tolerance <= 0:
            scope.report("E046", "a tolerance must be positive", place, "needs a number above 0")
            valid = False
    if not valid:
        return None
    _warn_when_short(comparison.quantity, value, signature.dimension, chosen, scope)
    match operator:
        case "=":
            return ir.Relation(op="=", target=value, tolerance=tolerance, scale=signature.scale)
        case "<" | "<=":
            return ir.Relation(op=operator, high=value, scale=signature.scale)
        case _:
            return ir.Relation(op=operator, low=value, scale=signature.scale)


def _possible(quantity: Quantity, value: float, signature: DescriptorSignature, scope: Scope) -> bool:
    if value >= signature.minimum:
        return True
    least = "negative" if signature.minimum == 0 else f"below {signature.minimum:g} {signature.unit}".rstrip()
    scope.report("E044", f"{signature.name} is never {least}", quantity.span, f"needs a value from {signature.minimum:g}")
    return False


def _never_below(comparison: Comparison, operator: str, value: float, signature: DescriptorSignature, scope: Scope) -> bool:
    if operator != "<" or value > signature.minimum:
        return False
    text = f"{signature.minimum:g} is the least value; did you mean `<=`?"
    scope.report("E044", f"{signature.name} is never below {signature.minimum:g}", comparison.span, text)
    return True


def _warn_when_short(quantity: Quantity, value: float, dimension: str, chosen: tuple[ir.Species, ...] | None, scope: Scope) -> None:
    """A length between two species far below their radii: usually nm written as Å."""
    if dimension != "length" or chosen is None or len(chosen) != 2:
        return
    sums = list(_radii_sums(chosen[0], chosen[1]))
    if not sums or value >= _SHORTEST_SHARE * min(sums):
        return
    pair = "-".join(s.text for s in chosen)
    as_nm = value * _ANGSTROM_PER_NM / min(sums)
    slip = "; was this nm?" if _SHORTEST_SHARE <= as_nm <= _LONGEST_SHARE else ""
    text = f"radii sum {min(sums):.2f} Å{slip}"
    scope.report("W043", f"{value:.4g} Å is shorter than any {pair} bond", quantity.span, text)


def _radii_sums(a: ir.Species, b: ir.Species) -> Iterator[float]:
    for first, second in itertools.product(a.elements, b.elements):
        if first in elements.COVALENT_RADIUS and second in elements.COVALENT_RADIUS:
            yield elements.bond_radius(first, second)


# ---- how it counts ----


def _modifiers(modifiers: tuple[Modifier, ...], scope: Scope) -> tuple[float, ir.LossName] | None:
    weight, loss = 1.0, _LOSSES["l1"]
    seen: dict[str, Span] = {}
    right = True
    for modifier in modifiers:
        key = modifier.key.text
        if key in seen:
            right = False
            scope.report("E025", f"`{key}` is given twice", modifier.span, "remove this one", also=Label(seen[key], "first here"))
            continue
        seen[key] = modifier.span
        match key, modifier.value:
            case "weight", Number(value=value) if value > 0:
                weight = value
            case "loss", Name(text=text) if text in _LOSSES:
                loss = _LOSSES[text]
            case "weight", Number(span=place):
                right = False
                scope.report("E046", "a weight must be positive", place, "needs a number above 0")
            case _, value:
                right = False
                guess = did_you_mean(value.text, _LOSSES) if key == "loss" else ""
                needs = guess or (f"needs {listing(_LOSSES)}" if key == "loss" else "needs a number above 0")
                scope.report("E024", f"`{key}` cannot be this", value.span, needs)
    return (weight, loss) if right else None
