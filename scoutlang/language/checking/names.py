"""Names in expressions: what the program, its modules and the language call so."""

from __future__ import annotations

from dataclasses import replace

from scoutlang import ir
from scoutlang.ir import elements
from scoutlang.ir.source import Span
from scoutlang.language.checking import species
from scoutlang.language.checking.elaborate import Context, elaborate, meaning
from scoutlang.language.checking.scope import Definition, Scope
from scoutlang.language.checking.values import SpeciesValue, Value
from scoutlang.language.diagnostics import messages
from scoutlang.language.diagnostics.suggest import closest
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Call, Name, Reference
from scoutlang.language.syntax.functions import FUNCTIONS, elsewhere


@meaning.register(Reference)
def _reference(node: Reference, context: Context) -> Value | None:
    definition = resolve(node, context)
    if definition is not None:
        return use(definition, node.span, context)
    first = node.names[0]
    if len(node.names) > 1 or first.text in context.scope.current.imports:
        _unknown_member(node, context.scope)
        return None
    if first.text in context.scope.signatures or first.text in FUNCTIONS:
        return meaning(Call(node.span, node, ()), context)
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
        context.scope.report(messages.arguments_needed(definition.name.text, wanted), call)
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
    named = definition.group and len(value.species) == 1
    species_ = (replace(value.species[0], text=definition.name.text),) if named else value.species
    return SpeciesValue(species_, (call,) * len(value.spans))


def _unknown_member(node: Reference, scope: Scope) -> None:
    first = node.names[0]
    module = scope.current.imports.get(first.text)
    if first.text in scope.current.failed:
        return
    if module is None:
        guess = closest(first.text, scope.current.imports)
        scope.report(messages.unknown_prefix(first.text, guess, scope.current.imports), first.span)
        return
    module.used = True
    known = tuple(module.names.definitions)
    if len(node.names) == 1:
        scope.report(messages.is_module(first.text, next(iter(known), None)), first.span)
        return
    last = node.names[1]
    if len(node.names) > 2:
        scope.report(messages.two_dots(f"{first.text}.{last.text}"), node.names[2].span)
        return
    guess = closest(last.text, known)
    scope.report(messages.no_member(first.text, last.text, guess, known), last.span)


def _unknown_name(name: Name, context: Context) -> None:
    scope = context.scope
    defined = {**(context.local or {}), **scope.current.definitions}
    guess = closest(name.text, defined)
    if context.species:
        if guess is None:
            species.element(name, scope)
            return
    else:
        guess = guess or elsewhere(name.text) or closest(name.text, [*scope.signatures, *FUNCTIONS])
    if name.text.capitalize() in scope.system:
        otherwise = "species stand inside a descriptor, such as `CN(Cu-P)`"
    else:
        usual = "define it with `let` or `param`, or see `scout doc` for what there is"
        word = next((s for s in scope.signatures.values() if name.text in s.categories), None)
        of_word = f"`expect {word.name} = {name.text}` says it of a crystal" if word else ""
        advice = [a for a in (of_word, scope.files.advice(name.text)) if a]
        otherwise = "; ".join(advice) or usual
    scope.report(messages.unknown_name(name.text, guess, otherwise), name.span)
