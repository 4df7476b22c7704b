"""scoutlang: structural hypotheses about crystals, from a small language to judged structures.

>>> import scoutlang
>>> scoutlang.check("system Cu-P; require CN(Cu-P) = 4").ok
True
"""

from __future__ import annotations

import importlib
import sys
import warnings
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from IPython.core.interactiveshell import InteractiveShell

    from scoutlang.interfaces.api import (
        ProgramError,
        ProgramText,
        batch,
        campaign,
        candidates,
        check,
        compile,
        export,
        family,
        figures,
        judge,
        measure,
        parse,
        run,
        sweep,
        table,
        write_report,
    )
    from scoutlang.ir import Program
    from scoutlang.support.errors import ScoutError

from scoutlang.support.version import __version__

__all__ = [
    "Program",
    "ProgramError",
    "ProgramText",
    "ScoutError",
    "__version__",
    "batch",
    "campaign",
    "candidates",
    "check",
    "compile",
    "export",
    "family",
    "figures",
    "judge",
    "measure",
    "parse",
    "run",
    "sweep",
    "table",
    "write_report",
]

_ELSEWHERE = {"Program": "scoutlang.ir", "ScoutError": "scoutlang.support.errors"}
"""Public names that are not in `scoutlang.interfaces.api`."""


def __getattr__(name: str) -> Any:
    # imported on first use, so that `import scoutlang` costs nothing
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_ELSEWHERE.get(name, "scoutlang.interfaces.api")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext scoutlang`: cells that are programs, see `scoutlang.interfaces.notebook`."""
    from scoutlang.interfaces.notebook import register

    register(shell)


_MOVED = {
    "scoutlang.api": "scoutlang.interfaces.api",
    "scoutlang.crystal": "scoutlang.crystals.batch",
    "scoutlang.elements": "scoutlang.ir.elements",
    "scoutlang.errors": "scoutlang.support.errors",
    "scoutlang.geometry": "scoutlang.crystals.neighbours",
    "scoutlang.judged_runs": "scoutlang.runs.judge",
    "scoutlang.measuring": "scoutlang.evaluation.measure",
    "scoutlang.running": "scoutlang.runs.run",
    "scoutlang.signatures": "scoutlang.ir.signatures",
    "scoutlang.units": "scoutlang.ir.units",
}
"""Modules by the names that documentation gave them until 0.1: kept for one version."""


class _Moved:
    """Imports a module by its old name as the module that it is now, with a warning."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        # a loader by its methods: `importlib.abc` would be imported for its name only
        return ModuleSpec(name, _Moved()) if name in _MOVED else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """None: Python makes an empty module, which `exec_module` puts another in the place of."""

    def exec_module(self, module: ModuleType) -> None:
        old, new = module.__name__, _MOVED[module.__name__]
        warnings.warn(f"{old} is {new} now", DeprecationWarning, stacklevel=2)
        sys.modules[old] = importlib.import_module(new)


sys.meta_path.append(_Moved())  # behind Python's own finders: it is asked for what they lack
