"""The statements of the language, one file each; the file is the registration.

A file is named as its grammar rule and holds one `Statement` class: its syntax tree, its meaning,
an example.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from scoutlang.ir.settings import Table, settings
from scoutlang.language.statements.statement import Claiming, Configuring, Defining, Statement


def _found() -> Mapping[str, type[Statement]]:
    found = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, Statement)
                and value.__module__ == module.__name__
                and "rule" in vars(value)
            ):
                found[value.rule] = value
    return found


STATEMENTS: Mapping[str, type[Statement]] = _found()

SETTINGS: Mapping[str, Table] = {
    rule: settings(statement.fills, statement.prefix)
    for rule, statement in STATEMENTS.items()
    if issubclass(statement, Configuring)
}
"""Statement → its settings, by their names in the language."""


CLAIMING = tuple(v for v, s in STATEMENTS.items() if issubclass(s, Claiming))
"""Statements that claim something."""

DEFINING = tuple(v for v, s in STATEMENTS.items() if issubclass(s, Defining))
"""Statements that give a name to an expression."""

CALLED = tuple(v for v, s in STATEMENTS.items() if issubclass(s, Defining) and s.takes_arguments)
"""Those of them whose names are called."""

GROUPING = tuple(v for v, s in STATEMENTS.items() if issubclass(s, Defining) and s.group)
"""Those of them that may name a group of species."""
