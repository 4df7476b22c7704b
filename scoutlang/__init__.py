"""scoutlang: structural hypotheses about crystals, from a small language to judged structures.

>>> import scoutlang
>>> scoutlang.check("system Cu-P; require CN(Cu-P) = 4").ok
True
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from scoutlang.interfaces.api import (
        ProgramError,
        ProgramText,
        batch,
        check,
        compile,
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
    "check",
    "compile",
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
