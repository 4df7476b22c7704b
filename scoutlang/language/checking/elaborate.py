"""Expressions: from syntax to values with types. Species are chained, quantities computed and
compared, propositions combined.

Outside of ``each``, ``any``, ``fraction`` and the aggregates a descriptor of sites stands for its
own aggregate (the mean, in most cases); inside of them it has a value for each site. A name is read
where it is used, so that a definition fits both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from scoutlang import ir
from scoutlang.ir import elements
from scoutlang.ir.source import Span
from scoutlang.language.checking import arithmetic, calls, quantities, relations, species
from scoutlang.language.checking.scope import Definition, Scope
from scoutlang.language.checking.values import (
    Operand,
    QuantityValue,
    SpeciesValue,
    TextValue,
    TruthValue,
    Value,
    WishValue,
    constant,
    spoken,
)
from scoutlang.language.diagnostics import Label
from scoutlang.language.diagnostics.suggest import closest, listing, quoted
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import (
    Addition,
    Among,
    Both,
    Call,
    Comparison,
    Either,
    Implication,
    Multiplication,
    Name,
    Negation,
    Negative,
    Node,
    Quantified,
    Quantity,
    Raised,
    Reference,
    Set,
    Star,
    Text,
    Wish,
    Within,
)


@dataclass(frozen=True)
class Context:
    """Where an expression is read.

    per_site: inside something that wants a value of each site. local: arguments of the motif.
    species: a chain is wanted here, so that an unknown name is probably an element.
    """

    scope: Scope
    per_site: bool = False
    local: Mapping[str, Definition] | None = None
    species: bool = False

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
        scope.report(
            "E073",
            "the definitions unfold to too much",
            node.span,
            f"more than {MAX_DEPTH} expressions inside of each other",
        )
        return None
    scope.depth += 1
    value = _elaborate(node, context)
    scope.depth -= 1
    return value


def _elaborate(node: Node, context: Context) -> Value | None:
    match node:
        case Quantity():
            found = quantities.written(node, context.scope)
            return None if found is None else constant(*found, bare=node.unit is None)
        case Text(text=text):
            return TextValue(text)
        case Reference():
            return _reference(node, context)
        case Call():
            return calls.call(node, context)
        case Star():
            return SpeciesValue((ir.Species("*", context.scope.system),), (node.span,))
        case Set():
            return _set(node, context)
        case Addition():
            return _addition(node, context)
        case Multiplication(operands=operands, operators=operators):
            if all(_is_species(n, context) for n in operands):
                text = (
                    "species are joined with a hyphen; a ratio of amounts is `count(Cu) / count(P)`"
                )
                context.scope.report(
                    "E057",
                    f"{quoted(context.scope.slice(node.span))} is no quantity",
                    node.span,
                    text,
                )
                return None
            values = quantity_operands(operands, context)
            return (
                None
                if values is None
                else arithmetic.product(values, [o.terminal for o in operators], context.scope)
            )
        case Raised(base=base, exponent=exponent):
            values = quantity_operands((base, exponent), context)
            return None if values is None else arithmetic.power(values[0], values[1], context.scope)
        case Negative(operand=operand):
            values = quantity_operands((operand,), context)
            return None if values is None else arithmetic.negative(values[0].value)
        case Comparison():
            return relations.comparison(node, context)
        case Within():
            return relations.within(node, context)
        case Among():
            return relations.among(node, context)
        case Wish():
            return relations.wish(node, context)
        case Negation(operand=operand):
            truth = proposition(operand, context)
            return None if truth is None else TruthValue(ir.Not(truth.node), truth.sites)
        case Quantified(word=word, operand=operand):
            return _quantified(word.text, operand, context)
        case Both(operands=operands):
            return _logic(ir.And, operands, context)
        case Either(operands=operands):
            return _logic(ir.Or, operands, context)
        case Implication(premise=premise, conclusion=conclusion):
            both = _logic(ir.And, (premise, conclusion), context)
            if both is None:
                return None
            assert isinstance(both.node, ir.And)
            return TruthValue(ir.Implies(*both.node.of), both.sites)
    raise AssertionError(node)


def quantity(node: Node, context: Context) -> QuantityValue | None:
    """A quantity, or None after a report."""
    value = elaborate(node, context.of_values)
    if value is None or isinstance(value, QuantityValue):
        return value
    context.scope.report(
        "E057",
        f"{spoken(value)} where a quantity belongs",
        node.span,
        _belongs(value, node, context.scope),
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
            scope.report(
                "E057",
                "a quantity alone is neither true nor false",
                node.span,
                f"needs a relation, such as {needs}",
            )
        case WishValue():
            scope.report(
                "E052",
                "a wish is neither true nor false",
                node.span,
                "it stands alone, after `prefer`",
            )
        case _:
            scope.report(
                "E057",
                f"{spoken(value)} where something true or false belongs",
                node.span,
                "write what must hold of it",
            )
    return None


def species_chain(node: Node, context: Context) -> SpeciesValue | None:
    """A chain of species, or None after a report."""
    value = elaborate(node, context.of_species)
    if value is None or isinstance(value, SpeciesValue):
        return value
    context.scope.report(
        "E057", f"{spoken(value)} where species belong", node.span, _species_belong(node)
    )
    return None


def _species_belong(node: Node) -> str:
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
    scope.report(
        "E036",
        f"{value.signature.name} is a word and has no value to compute with",
        node.span,
        "compare it: `= cubic`",
    )
    return None


def _belongs(value: Value, node: Node, scope: Scope) -> str:
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


# ---- names ----


def _reference(node: Reference, context: Context) -> Value | None:
    definition = resolve(node, context)
    if definition is not None:
        return use(definition, node.span, context)
    first = node.names[0]
    if len(node.names) > 1 or first.text in context.scope.current.imports:
        _unknown_member(node, context.scope)
        return None
    if first.text in context.scope.signatures or first.text in calls.FUNCTIONS:
        return calls.call(Call(node.span, node, ()), context)
    if first.text in elements.ATOMIC_NUMBER:
        if not species.in_system(first, context.scope):
            return None
        return SpeciesValue((ir.Species(first.text, (first.text,)),), (first.span,))
    _unknown_name(first, context)
    return None


def resolve(node: Reference, context: Context) -> Definition | None:
    """What a name was defined as, or None: then it is a name of the language, an element, or
    unknown.
    """
    first, *rest = (n.text for n in node.names)
    names = context.scope.current
    if not rest:
        found = (context.local or {}).get(first) or names.definitions.get(first)
    else:
        module = names.imports.get(first)
        if module is not None:
            module.used = True
        found = (
            module.names.definitions.get(rest[0]) if module is not None and len(rest) == 1 else None
        )
    if found is not None:
        found.used = True
    return found


def use(definition: Definition, call: Span, context: Context) -> Value | None:
    """The value of a definition without parameters, read in this context."""
    if definition.places:
        wanted = f"{definition.name.text}({', '.join(printer.place(p) for p in definition.places)})"
        context.scope.report(
            "E074", f"`{definition.name.text}` needs arguments", call, f"write `{wanted}`"
        )
        return None
    with context.scope.using(definition, call) as possible:
        value = (
            elaborate(definition.body, replace(context, local=definition.local))
            if possible
            else None
        )
    if not isinstance(value, SpeciesValue):
        return value
    # What is wrong with species that a name stands for is wrong at the name, and a group is called
    # by it.
    named = definition.kind == "let" and len(value.species) == 1
    species_ = (replace(value.species[0], text=definition.name.text),) if named else value.species
    return SpeciesValue(species_, (call,) * len(value.spans))


def _unknown_member(node: Reference, scope: Scope) -> None:
    first = node.names[0]
    module = scope.current.imports.get(first.text)
    if first.text in scope.current.failed:
        return
    if module is None:
        guess = closest(first.text, scope.current.imports)
        known = listing((f"`{n}`" for n in scope.current.imports), "and")
        text = (
            f"did you mean `{guess}`?"
            if guess
            else f"imported are {known}"
            if known
            else "nothing is imported under this name"
        )
        scope.report(
            "E039", f"unknown module {quoted(first.text)}", first.span, text, replacement=guess
        )
        return
    module.used = True
    known_names = tuple(module.names.definitions)
    if len(node.names) == 1:
        text = (
            f"write `{first.text}.{known_names[0]}`, for example"
            if known_names
            else "it defines nothing"
        )
        scope.report("E039", f"`{first.text}` is a module", first.span, text)
        return
    last = node.names[1]
    if len(node.names) > 2:
        scope.report(
            "E039",
            "a name of a module has one dot",
            node.names[2].span,
            f"write `{first.text}.{last.text}`",
        )
        return
    guess = closest(last.text, known_names)
    text = f"did you mean `{guess}`?" if guess else f"it has {listing(known_names, 'and')}"
    scope.report(
        "E039",
        f"{quoted(first.text)} has no {quoted(last.text)}",
        last.span,
        text,
        replacement=guess,
    )


def _unknown_name(name: Name, context: Context) -> None:
    scope = context.scope
    defined = {**(context.local or {}), **scope.current.definitions}
    guess = closest(name.text, defined)
    if context.species:
        if guess is None:
            species.element(name, scope)
            return
    else:
        guess = (
            guess
            or calls.elsewhere(name.text)
            or closest(name.text, [*scope.signatures, *calls.FUNCTIONS])
        )
    text = (
        f"did you mean `{guess}`?"
        if guess
        else "define it with `let` or `param`, or see `scout doc` for what there is"
    )
    text = scope.files.advice(name.text) or text if guess is None else text
    if guess is None and name.text.capitalize() in scope.system:
        text = "species stand inside a descriptor, such as `CN(Cu-P)`"
    scope.report("E032", f"unknown name {quoted(name.text)}", name.span, text, replacement=guess)


# ---- species ----


def _set(node: Set, context: Context) -> SpeciesValue | None:
    """The union of the species in braces."""
    symbols: dict[str, Span] = {}
    right = True
    for item in node.items:
        # In a definition a set may name any element; what the system has of them is meant.
        if (
            context.scope.in_definition
            and isinstance(item, Reference)
            and item.text in elements.ATOMIC_NUMBER
        ):
            if item.text in context.scope.system:
                symbols.setdefault(item.text, item.span)
            continue
        value = species_chain(item, context)
        if value is None or len(value.species) != 1:
            if value is not None:
                context.scope.report(
                    "E057",
                    "a chain where a species belongs",
                    item.span,
                    "species in braces are separated by commas",
                )
            right = False
            continue
        for symbol in value.species[0].elements:
            if symbol in symbols and isinstance(item, Reference) and item.text == symbol:
                context.scope.report(
                    "E035",
                    f"{symbol} is named twice",
                    item.span,
                    "remove this one",
                    also=Label(symbols[symbol], "first here"),
                )
                right = False
            symbols.setdefault(symbol, item.span)
    if not right:
        return None
    return SpeciesValue((ir.Species(printer.expression(node), tuple(symbols)),), (node.span,))


def _addition(node: Addition, context: Context) -> Value | None:
    """A sum, or the chain of species that is written like one."""
    for operator in node.operators:
        if operator.terminal == "LOOKALIKE_DASH":
            dash = context.scope.slice(operator.span)
            context.scope.report(
                "E016",
                f"{quoted(dash)} is not a hyphen",
                operator.span,
                "write `-`",
                replacement="-",
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
            "E057",
            f"{spoken(operands[0].value)} where species belong",
            place.span,
            _species_belong(place),
        )
        return None
    if len(operands) < len(values):
        wrong, place = next(
            (v, n)
            for v, n in zip(values, node.operands, strict=True)
            if not isinstance(v, QuantityValue)
        )
        context.scope.report(
            "E057", f"{spoken(wrong)} in a sum", place.span, _belongs(wrong, place, context.scope)
        )
        return None
    return arithmetic.total(operands, [o.terminal for o in node.operators], context.scope)


def _is_species(node: Node, context: Context) -> bool:
    """Whether an operand is written as species, so that its neighbours are meant as species too."""
    if isinstance(node, Star | Set):
        return True
    return (
        isinstance(node, Reference)
        and len(node.names) == 1
        and node.text in elements.ATOMIC_NUMBER
        and resolve(node, context) is None
    )


def _chain(node: Addition, values: Sequence[SpeciesValue], scope: Scope) -> SpeciesValue | None:
    for operator in node.operators:
        if operator.terminal == "PLUS":
            scope.report(
                "E057",
                "species are joined with a hyphen",
                operator.span,
                "several in one place stand in braces: `{P, Si}`",
            )
            return None
    return SpeciesValue(
        tuple(s for v in values for s in v.species), tuple(s for v in values for s in v.spans)
    )


# ---- logic ----


def _quantified(word: str, operand: Node, context: Context) -> TruthValue | None:
    inner = proposition(operand, replace(context, per_site=True))
    if inner is None:
        return None
    if inner.sites is None:
        context.scope.report(
            "E058", f"`{word}` of what?", operand.span, "nothing here has a value for each site"
        )
        return None
    return TruthValue(ir.Each(inner.node) if word == "each" else ir.Some(inner.node))


def _logic(
    combine: type[ir.And | ir.Or], operands: Sequence[Node], context: Context
) -> TruthValue | None:
    found = [proposition(n, context) for n in operands]
    truths = [t for t in found if t is not None]
    if len(truths) < len(found):
        return None
    met = arithmetic.meet(
        [(t.sites, n) for t, n in zip(truths, operands, strict=True)], context.scope
    )
    return None if met is None else TruthValue(combine(tuple(t.node for t in truths)), met.sites)
