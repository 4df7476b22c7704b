"""What is called: a function of the language, a motif that the program defines, or a descriptor."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from scoutlang import ir
from scoutlang.ir import elements
from scoutlang.ir.signatures import CANONICAL_UNIT, COUNTS, DescriptorSignature, Parameter
from scoutlang.ir.source import Span
from scoutlang.ir.units import DIMENSIONS, PLAIN
from scoutlang.language.checking import arithmetic, quantities, relations
from scoutlang.language.checking.elaborate import (
    Context,
    elaborate,
    meaning,
    proposition,
    quantity,
    quantity_operands,
    species_chain,
)
from scoutlang.language.checking.names import resolve
from scoutlang.language.checking.scope import Definition, Scope
from scoutlang.language.checking.values import QuantityValue, Sites, TruthValue, Value, constant
from scoutlang.language.diagnostics import messages
from scoutlang.language.diagnostics.messages import Message
from scoutlang.language.diagnostics.suggest import closest, did_you_mean, listing
from scoutlang.language.syntax import ast, printer
from scoutlang.language.syntax.functions import FUNCTIONS, elsewhere
from scoutlang.support.errors import ScoutError

_FRACTION_TOLERANCE = 0.05
_WORD_LIMIT = 40
DEFAULT = "default"
"""As the value of a parameter: as if it were not given. Lets a motif hand an optional parameter on.
"""


@meaning.register(ast.Call)
def call(node: ast.Call, context: Context) -> Value | None:
    """The value of a call, or None after a report. A name that the program defines goes before one
    of the language.
    """
    definition = resolve(node.callee, context)
    if definition is not None:
        return _motif(node, definition, context)
    name = node.callee.text
    if len(node.callee.names) > 1:
        return elaborate(node.callee, context)  # reports the unknown name
    if name in FUNCTIONS:
        return _function(node, name, context)
    try:
        signature = context.scope.signatures.get(name)
    except ScoutError as error:  # it is a plug-in's, which cannot be used
        context.scope.report(
            Message(error.code, error.message, "", help=error.hint), node.callee.span
        )
        return None
    if signature is not None:
        return _descriptor(node, signature, context)
    _unknown(node, context)
    return None


def _unknown(node: ast.Call, context: Context) -> None:
    scope, name = context.scope, node.callee.names[0]
    if name.text in scope.current.imports:
        elaborate(node.callee, context)  # reports that it is a module
        return
    called = [n for n, s in scope.signatures.items() if s.species or s.parameters]
    members = [
        f"{module}.{name.text}"
        for module, i in scope.current.imports.items()
        if name.text in i.names.definitions
    ]
    guess = next(iter(members), None) or elsewhere(name.text)
    guess = guess or closest(name.text, [*called, *FUNCTIONS, *scope.current.definitions])
    guess = guess or closest(name.text, scope.signatures)
    otherwise = scope.files.advice(name.text) or "`scout doc` lists what there is"
    scope.report(messages.unknown_descriptor(name.text, guess, otherwise), name.span)


# ---- functions ----


def _function(node: ast.Call, name: str, context: Context) -> Value | None:
    arguments, scope = node.arguments, context.scope
    function = FUNCTIONS[name]
    if not arguments:
        scope.report(messages.nothing_in_brackets(name, function.example), node.span)
        return None
    if len(arguments) > 1 and name in ("min", "max"):
        operands = quantity_operands(arguments, context)
        return (
            None
            if operands is None
            else arithmetic.extreme("min" if name == "min" else "max", operands, scope)
        )
    if len(arguments) > 1:
        scope.report(messages.one_argument(name, function.example), arguments[1].span)
        return None
    if name == "radius":
        return _radius(arguments[0], context)
    if name == "abs":
        inner = quantity(arguments[0], context)
        return None if inner is None else arithmetic.absolute(inner)
    if function.aggregate is None:
        return _fraction(arguments[0], context)
    return _aggregate(function.aggregate, arguments[0], context)


def _aggregate(how: ir.How, argument: ast.Node, context: Context) -> QuantityValue | None:
    inner = quantity(argument, replace(context, per_site=True))
    if inner is None:
        return None
    if inner.sites is None:
        context.scope.report(messages.nothing_of_sites(how), argument.span)
        return None
    node = ir.Aggregate(how, inner.node)
    if how in ("mean", "min", "max"):
        return replace(inner, node=node, sites=None)
    derived = replace(inner.derived(node), sites=None)
    return replace(derived, minimum=0.0) if how == "std" or inner.minimum >= 0 else derived


def _fraction(argument: ast.Node, context: Context) -> QuantityValue | None:
    inner = proposition(argument, replace(context, per_site=True))
    if inner is None:
        return None
    if inner.sites is None:
        further = "; what has its own `each` is of the crystal"
        context.scope.report(messages.nothing_of_sites("fraction", further), argument.span)
        return None
    return QuantityValue(
        ir.Fraction(inner.node), PLAIN, tolerance=_FRACTION_TOLERANCE, minimum=0.0, maximum=1.0
    )


def _radius(argument: ast.Node, context: Context) -> QuantityValue | None:
    """Sum of the covalent radii of a chain of single elements."""
    chain = species_chain(argument, context)
    if chain is None:
        return None
    total = 0.0
    for species, span in zip(chain.species, chain.spans, strict=True):
        if len(species.elements) != 1:
            context.scope.report(messages.radius_of_several(species.text), span)
            return None
        if species.elements[0] not in elements.COVALENT_RADIUS:
            context.scope.report(messages.no_radius(species.elements[0]), span)
            return None
        total += elements.COVALENT_RADIUS[species.elements[0]]
    return constant(round(total, 2), DIMENSIONS["length"])


# ---- motifs ----


def _motif(node: ast.Call, definition: Definition, context: Context) -> Value | None:
    scope = context.scope
    name = definition.name.text
    if definition.places is None:
        scope.report(messages.no_arguments(name), node.span)
        return None
    bound = _bound(node, definition, definition.places, context)
    if bound is None:
        return None
    with scope.using(definition, node.span) as possible:
        return elaborate(definition.body, replace(context, local=bound)) if possible else None


def _bound(
    node: ast.Call, definition: Definition, parameters: Sequence[ast.Place], context: Context
) -> dict[str, Definition] | None:
    """Arguments by the names of the motif's parameters, unread: they are read where the motif uses
    them.
    """
    scope = context.scope
    names, name = context.scope.current, definition.name.text
    places = {p.name.text: p for p in parameters}
    form = f"{name}({', '.join(printer.place(p) for p in parameters)})"
    bound: dict[str, Definition] = {}
    free = iter(places)
    right = True

    def bind(place: str, value: ast.Node) -> None:
        bound[place] = Definition(
            places[place].name,
            "argument",
            value,
            names,
            local=context.local or {},
            enclosing=scope.enclosing,
        )

    for argument in node.arguments:
        named = _named(argument)
        if named is not None and named[0].text in places:
            if named[0].text in bound:
                scope.report(messages.given_twice(named[0].text), argument.span)
                right = False
            bind(named[0].text, named[1])
            continue
        if named is not None:
            scope.report(messages.no_place(name, named[0].text, places, form), named[0].span)
            right = False
            continue
        next_one = next((p for p in free if p not in bound), None)
        if next_one is None:
            scope.report(messages.too_many_arguments(name, len(places), form), argument.span)
            return None
        bind(next_one, argument)
    for place in places.values():
        if place.name.text not in bound:
            if place.default is None:
                chain = next((a for a in node.arguments if isinstance(a, ast.Addition)), None)
                scope.report(
                    messages.argument_missing(name, place.name.text, form, chain is not None),
                    (chain or node).span,
                )
                return None
            bound[place.name.text] = Definition(
                place.name, "argument", place.default, definition.names
            )
    return bound if right else None


def _named(argument: ast.Node) -> tuple[ast.Name, ast.Node] | None:
    """``r=2.6 Å`` as an argument."""
    if (
        not isinstance(argument, ast.Comparison)
        or len(argument.links) != 1
        or not isinstance(argument.first, ast.Reference)
    ):
        return None
    link = argument.links[0]
    if (
        link.operator.terminal != "EQUAL"
        or link.tolerance is not None
        or len(argument.first.names) != 1
    ):
        return None
    return argument.first.names[0], link.value


# ---- descriptors ----


def _descriptor(node: ast.Call, signature: DescriptorSignature, context: Context) -> Value | None:
    scope = context.scope
    parameters = {p.name: p for p in signature.parameters}
    given: dict[str, tuple[ast.Name | None, ast.Node]] = {}
    chains: list[ast.Node] = []
    right = True
    for argument in node.arguments:
        named = _named(argument)
        place = None if named else _positional(argument, signature, context)
        if named is None and place is None:
            slip = _parameter_slip(argument, parameters, scope)
            if slip is not None:
                scope.report(messages.unnamed_parameter(slip), argument.span)
                right = False
            else:
                chains.append(argument)
            continue
        name, value = named if named is not None else (None, argument)
        key = named[0].text if named is not None else place or ""
        value = _written(value, context)
        if isinstance(value, ast.Reference) and value.text == DEFAULT and key in parameters:
            continue
        if key not in parameters:
            assert name is not None
            scope.report(messages.no_parameter(signature.name, key, parameters), name.span)
            right = False
        elif key in given:
            scope.report(messages.given_twice(key), argument.span)
            right = False
        else:
            given[key] = (name, value)
    for key, value in scope.ambient.items():
        if key in parameters:
            scope.ambient_used.add(key)
            given.setdefault(key, (None, value))
    chosen = _species(node, chains, signature, context)
    values = {
        key: _parameter(value, parameters[key], signature, chosen, context)
        for key, (_, value) in given.items()
    }
    for parameter in signature.parameters:
        if parameter.required and parameter.name not in given:
            scope.report(
                messages.parameter_needed(signature.name, parameter.name, _wanted(parameter)),
                node.span,
            )
            right = False
    if chosen is None or not right or None in values.values():
        return None
    measure = ir.Measure(
        signature.name, chosen, tuple((k, v) for k, v in values.items() if v is not None)
    )
    if not _possible(measure, signature, node, scope):
        return None
    if not signature.differentiable:
        scope.judged_only.append((signature.name, scope.place(node.span)))
    return _value(measure, signature, context)


def _possible(
    measure: ir.Measure, signature: DescriptorSignature, node: ast.Call, scope: Scope
) -> bool:
    """Whether the descriptor can be measured like this, whatever its value is compared with."""
    if signature.concerns is None or not all(s.elements for s in measure.species):
        return True
    errors = [
        concern
        for concern in signature.concerns(measure, ir.Relation(">=", low=-math.inf))
        if concern.code.startswith("E")
    ]
    for concern in errors:
        scope.report(Message(concern.code, concern.message, concern.advice), node.span)
    return not errors


def _parameter_slip(
    argument: ast.Node, parameters: Mapping[str, Parameter], scope: Scope
) -> str | None:
    """What ``2.6 Å`` or ``r < 2.6`` in the place of a parameter was meant to be."""
    if isinstance(argument, ast.Quantity):
        numeric = next((n for n, p in parameters.items() if p.kind not in ("choice", "file")), None)
        return None if numeric is None else f"{numeric}={scope.slice(argument.span)}"
    if (
        isinstance(argument, ast.Comparison)
        and isinstance(argument.first, ast.Reference)
        and argument.first.text in parameters
    ):
        return f"{argument.first.text}={scope.slice(argument.links[0].value.span)}"
    return None


def _value(
    measure: ir.Measure, signature: DescriptorSignature, context: Context
) -> QuantityValue | TruthValue:
    if signature.dimension == "truth":
        return TruthValue(
            ir.Compare(measure, ir.Relation("=", target=1.0, tolerance=relations.HALF))
        )
    node: ir.Quantity = measure
    sites: Sites = None
    if signature.domain != "crystal" and context.per_site:
        sites = measure if signature.domain == "item" else measure.species[0].elements
    elif signature.domain != "crystal":
        how = signature.aggregate
        assert how in ("mean", "min", "max", "sum", "std")
        node = ir.Aggregate(how, measure)  # type: ignore[arg-type]
    return QuantityValue(
        node,
        DIMENSIONS[signature.dimension],
        sites,
        scale=signature.scale,
        tolerance=signature.tolerance,
        strict=signature.role in COUNTS and context.scope.version > 1,
        minimum=signature.minimum,
        maximum=signature.maximum,
        signature=signature,
        measure=measure,
    )


def _positional(argument: ast.Node, signature: DescriptorSignature, context: Context) -> str | None:
    """The parameter that a word or a text without a name is for: ``shape(Cu-P, tetrahedron)``."""
    if isinstance(argument, ast.Text):
        return next((p.name for p in signature.parameters if p.kind == "file"), None)
    choices = [p for p in signature.parameters if p.kind == "choice"]
    argument = _written(argument, context) if choices else argument
    if not isinstance(argument, ast.Reference) or len(argument.names) > 1:
        return None
    definition = resolve(argument, context)
    if definition is not None and definition.places is None:
        return None
    return next((p.name for p in choices if argument.text in p.choices), None) or next(
        (
            p.name
            for p in choices
            if did_you_mean(argument.text, p.choices) and argument.text.islower()
        ),
        None,
    )


def _written(node: ast.Node, context: Context) -> ast.Node:
    """A word or a text as it was written: an argument of a motif stands for what the call has in
    its place.

    A name that the file of the call knows is no such word; its value is found where the argument is
    read.
    """
    definition = resolve(node, context) if isinstance(node, ast.Reference) else None
    while definition is not None and definition.kind == "argument":
        word = definition.body
        if isinstance(word, ast.Text):
            return word
        if not isinstance(word, ast.Reference) or len(word.names) > 1:
            return node
        if word.text not in definition.local:
            return node if word.text in definition.names.definitions else word
        definition = definition.local[word.text]
    return node


def _species(
    node: ast.Call, chains: Sequence[ast.Node], signature: DescriptorSignature, context: Context
) -> tuple[ir.Species, ...] | None:
    scope = context.scope
    values = [species_chain(n, context) for n in chains]
    found = [v for v in values if v is not None]
    if len(found) < len(values):
        return None
    species = tuple(s for v in found for s in v.species)
    if len(species) != signature.species:
        _wrong_species(node, chains, signature, scope)
        return None
    if len(chains) > 1:
        span = chains[0].span.cover(chains[-1].span)
        right = "-".join(scope.slice(c.span) for c in chains)
        scope.report(messages.species_apart(right, _form(signature, right)), span)
        return None
    return (
        species
        if all(
            _not_empty(s, span, scope)
            for v in found
            for s, span in zip(v.species, v.spans, strict=True)
        )
        else None
    )


def _not_empty(species: ir.Species, span: Span, scope: Scope) -> bool:
    if species.elements or not scope.system:
        return True
    scope.report(messages.none_in_system(species.text, scope.system), span)
    return False


def _wrong_species(
    node: ast.Call, chains: Sequence[ast.Node], signature: DescriptorSignature, scope: Scope
) -> None:
    place = chains[0].span.cover(chains[-1].span) if chains else node.callee.span
    if signature.species == 0:
        scope.report(messages.no_species(signature.name), place)
        return
    symbols = itertools.islice(itertools.cycle(scope.system or ("Cu", "P")), signature.species)
    form = _form(signature, "-".join(symbols))
    scope.report(messages.wrong_species(signature.name, signature.species, form), place)


def _form(signature: DescriptorSignature, chain: str) -> str:
    order = {2: ", centre first", 3: ", centre in the middle"}.get(signature.species, "")
    return f"`{signature.name}({chain})`{order}"


# ---- parameters ----


def _parameter(
    value: ast.Node,
    parameter: Parameter,
    signature: DescriptorSignature,
    chosen: tuple[ir.Species, ...] | None,
    context: Context,
) -> float | str | ir.TextFile | None:
    match parameter.kind:
        case "choice":
            return _choice(value, parameter, signature, context)
        case "file":
            return _file(value, parameter, context)
        case _ if _is_word(value, parameter, context):
            return context.scope.slice(value.span)
        case _:
            return _number(value, parameter, signature, chosen, context)


def _is_word(value: ast.Node, parameter: Parameter, context: Context) -> bool:
    """Whether it is one of the words that a number may be instead; a name of the program's own goes
    before these.
    """
    return (
        isinstance(value, ast.Reference)
        and value.text in parameter.choices
        and resolve(value, context) is None
    )


def _number(
    value: ast.Node,
    parameter: Parameter,
    signature: DescriptorSignature,
    chosen: tuple[ir.Species, ...] | None,
    context: Context,
) -> float | None:
    scope = context.scope
    dimension = DIMENSIONS["dimensionless" if parameter.kind == "integer" else parameter.kind]
    if isinstance(value, ast.Quantity):
        number = quantities.resolve(value, dimension, f"`{parameter.name}`", scope)
    else:
        numbers = relations.constants(
            [value],
            None,
            QuantityValue(ir.Constant(0.0), dimension),
            f"`{parameter.name}`",
            context,
        )
        number = numbers[0] if numbers else None
        if numbers and number is None:
            scope.report(messages.measured_parameter(parameter.name), value.span)
    if number is None:
        return None
    whole = parameter.kind != "integer" or number.is_integer()
    if whole and parameter.minimum <= number <= parameter.maximum:
        if parameter.kind == "length" and chosen:
            relations.warn_when_short(value.span, number, chosen, scope)
        return number
    slip = (
        parameter.kind == "length"
        and parameter.minimum <= number * relations.ANGSTROM_PER_NM <= parameter.maximum
    )
    text = _wanted(parameter) + ("; was this nm?" if slip else "")
    scope.report(messages.out_of_range(parameter.name, signature.name, text), value.span)
    return None


def _choice(
    value: ast.Node, parameter: Parameter, signature: DescriptorSignature, context: Context
) -> str | None:
    text = (
        value.text
        if isinstance(value, ast.Reference | ast.Text)
        else context.scope.slice(value.span)
    )
    if text in parameter.choices:
        return text
    guess = closest(text, parameter.choices) if len(text) <= _WORD_LIMIT else None
    what = f"`{parameter.name}` of {signature.name}"
    context.scope.report(
        messages.never_this_choice(what, text, guess, _wanted(parameter)), value.span
    )
    return None


def _file(value: ast.Node, parameter: Parameter, context: Context) -> ir.TextFile | None:
    if not isinstance(value, ast.Text):
        context.scope.report(messages.not_a_file(parameter.name, parameter.choices[0]), value.span)
        return None
    return context.scope.files.text(value, parameter.choices, context.scope)


def _wanted(parameter: Parameter) -> str:
    match parameter.kind:
        case "choice":
            return f"needs {listing(parameter.choices)}"
        case "file":
            example = f'{parameter.name}="name{parameter.choices[0]}"'
            return f"needs the path of a {listing(parameter.choices)} file in quotes: {example}"
        case "integer":
            return f"needs a whole number from {parameter.minimum:g} to {parameter.maximum:g}"
        case kind:
            limits = f"{parameter.minimum:g} to {parameter.maximum:g} {CANONICAL_UNIT[kind]}"
            words = "".join(f", or `{word}`" for word in parameter.choices)
            return f"needs a value from {limits}".rstrip() + words
