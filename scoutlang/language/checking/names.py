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
from scoutlang.language.diagnostics.suggest import closest, listing, quoted
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
        guess = guess or elsewhere(name.text) or closest(name.text, [*scope.signatures, *FUNCTIONS])
    text = (
        f"did you mean `{guess}`?"
        if guess
        else "define it with `let` or `param`, or see `scout doc` for what there is"
    )
    text = scope.files.advice(name.text) or text if guess is None else text
    if guess is None and name.text.capitalize() in scope.system:
        text = "species stand inside a descriptor, such as `CN(Cu-P)`"
    scope.report("E032", f"unknown name {quoted(name.text)}", name.span, text, replacement=guess)
