"""The statements of the language, one file each; the file is the registration.

A file is named as its grammar rule and holds one `Statement` class: its syntax tree, its meaning,
an example.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from scoutlang.language.syntax.ast import Statement


def _found() -> Mapping[str, type[Statement]]:
    found = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, Statement)
                and value.__module__ == module.__name__
            ):
                found[value.rule] = value
    return found


STATEMENTS: Mapping[str, type[Statement]] = _found()
