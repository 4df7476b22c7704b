"""Names that a program defines, and values that come from outside: `--set` and the members of a
sweep.
"""

from __future__ import annotations

from scoutlang.ir import elements
from scoutlang.ir.source import Source
from scoutlang.language.checking import relations
from scoutlang.language.checking.elaborate import Context, quantity
from scoutlang.language.checking.names import use
from scoutlang.language.checking.scope import Definition, Names, Scope
from scoutlang.language.checking.settings import OUTSIDE, Refused, outside, read, setting
from scoutlang.language.checking.values import QuantityValue
from scoutlang.language.diagnostics import messages
from scoutlang.language.diagnostics.suggest import closest, listing, quoted
from scoutlang.language.syntax.ast import Name, Node, Quantity
from scoutlang.language.syntax.functions import FUNCTIONS
from scoutlang.support.errors import ScoutError

_MAX_ERRORS = 30  # in definitions that nothing uses


def declare(definition: Definition, scope: Scope) -> None:
    """Add a definition to the names of its file, or report that its name is taken."""
    name, names = definition.name, scope.current
    before = names.definitions.get(name.text)
    if before is not None:
        scope.report(messages.defined_twice(name.text), name.span, also=before.name.span)
        return
    taken = (
        "a descriptor"
        if _of_a_descriptor(name.text, scope)
        else "a function"
        if name.text in FUNCTIONS
        else "an element"
        if name.text in elements.ATOMIC_NUMBER
        else ""
    )
    if taken:
        scope.report(messages.name_taken(name.text, taken), name.span)
        return
    names.definitions[name.text] = definition


def _of_a_descriptor(name: str, scope: Scope) -> bool:
    """Whether a name is a descriptor's, and has been since the first version of the language."""
    if name not in scope.signatures:
        return False
    try:
        return scope.signatures[name].since == "1.0"
    except ScoutError:  # a plug-in's that cannot be used
        return True


def check_unused(scope: Scope) -> None:
    """Report names that nothing uses; what they stand for is read all the same, so that its errors
    are found.
    """
    for name, module in scope.names.imports.items():
        if not module.used:
            scope.report(messages.unused_import(name), module.span)
    for name, definition in scope.names.definitions.items():
        if sum(d.severity == "error" for d in scope.diagnostics) >= _MAX_ERRORS:
            return
        if not definition.used and not any(s.name == name for s in scope.sweeps):
            scope.report(messages.unused(name, definition.kind), definition.name.span)
            if not definition.places:
                use(definition, definition.name.span, Context(scope))


# ---- parameters ----


def parameter_value(name: Name, scope: Scope) -> str | None:
    """The value of a parameter in this program, as text with its unit, or None after a report."""
    definition = scope.names.definitions.get(name.text)
    if definition is None or definition.name is not name:
        return None  # defined twice: that was said
    used = definition.used
    value = _number(use(definition, name.span, Context(scope)), name, scope)
    definition.used = used
    if value is None or not _fits(value, name, definition, scope):
        return None
    return f"{value.constant:g} {value.dimension.unit}".rstrip()


def _number(value: object, name: Name, scope: Scope) -> QuantityValue | None:
    if value is None or (isinstance(value, QuantityValue) and value.constant is not None):
        return value
    scope.report(messages.not_a_number(name.text), name.span)
    return None


def _fits(value: QuantityValue, name: Name, definition: Definition, scope: Scope) -> bool:
    assert definition.usual is not None
    context, range_ = Context(scope), definition.range
    usual = quantity(definition.usual, context)
    if usual is None:
        return False
    if value.dimension != usual.dimension:
        this = "the value" if name.text == scope.slice(name.span) else "this"
        message = messages.other_kind(name.text, usual.dimension, this, value.dimension)
        scope.report(message, name.span)
        return False
    if range_ is None:
        return True
    ends = relations.interval(range_, usual, quoted(name.text), context)
    if ends is None:
        return False
    assert value.constant is not None
    if ends[0] <= value.constant <= ends[1]:
        return True
    unit = usual.dimension.unit
    text = f"{value.constant:g} is not from {ends[0]:g} to {ends[1]:g} {unit}".rstrip()
    place, also = (
        (range_.span, None) if name.text == scope.slice(name.span) else (name.span, range_.span)
    )
    scope.report(messages.value_out_of_range(name.text, text), place, also=also)
    return False


# ---- values from outside ----


def override(name: str, usual: Node, scope: Scope) -> tuple[Node, Names] | None:
    """The expression that replaces the value of a parameter, and the names that it may use; None
    where there is none.

    It may use the names of the program. A number without a unit is in the unit of the ``usual``
    value.
    """
    text = scope.overrides.get(name)
    if text is None:
        return None
    source = Source(f"{OUTSIDE} {name}={text}", f"let value = {text}")
    statements, diagnostics = scope.files.parse(source)
    body = getattr(statements[0], "body", None) if len(statements) == 1 else None
    if diagnostics or body is None:
        outside(
            f"{OUTSIDE} {name}={text}: this is no value",
            scope,
            f"for example: {OUTSIDE} {name}=2.5Å",
        )
        return None
    names = Names(source)
    names.definitions, names.imports = scope.names.definitions, scope.names.imports
    return _with_unit_of(usual, body), names


def _with_unit_of(usual: Node, value: Node) -> Node:
    if isinstance(value, Quantity) and value.unit is None and isinstance(usual, Quantity):
        return Quantity(value.span, value.number, usual.unit)
    return value


def check_overrides(scope: Scope) -> None:
    """Report values from outside for names that the program does not have."""
    for name in scope.overrides:
        if not can_be_set(name, scope):
            outside(
                f"{OUTSIDE} {name}: nothing here is called so", scope, settable_help(name, scope)
            )


def can_be_set(name: str, scope: Scope) -> bool:
    """Whether a name is a parameter of the program or a setting of a statement."""
    return name in set(_settable(scope))


def settable_help(name: str, scope: Scope) -> str:
    guess = closest(name, _settable(scope))
    return f"did you mean `{guess}`?" if guess else f"there are {listing(_settable(scope), 'and')}"


def check_sweep_value(name: str, value: Node, scope: Scope) -> bool:
    """Whether a parameter or setting may have this value; if not, after a report."""
    for statement, table in scope.tables.items():
        for key, known in table.items():
            if known.outside == name:
                return _setting_fits(statement, key, value, scope)
    definition, place = scope.names.definitions[name], Name(value.span, name)
    assert definition.usual is not None
    found = quantity(_with_unit_of(definition.usual, value), Context(scope))
    number = _number(found, place, scope)
    return number is not None and _fits(number, place, definition, scope)


def _setting_fits(statement: str, name: str, value: Node, scope: Scope) -> bool:
    found = setting(statement, name, scope.source.slice(value.span), scope)
    if found is None:
        return False
    try:
        read(scope.tables[statement][name].kind, found.value)
    except Refused as refused:
        scope.report(messages.wrong_setting(name, refused.needs), value.span)
        return False
    return True


def _settable(scope: Scope) -> list[str]:
    names = [n for n, d in scope.names.definitions.items() if d.usual is not None]
    return names + [known.outside for table in scope.tables.values() for known in table.values()]
