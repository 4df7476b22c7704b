"""scoutlang: structural hypotheses about crystals, from a small language to judged structures.

>>> import scoutlang
>>> scoutlang.check("system Cu-P; require CN(Cu-P) = 4").ok
True
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scoutlang.api import ProgramError, check, check_file, compile, family, measure, run
    from scoutlang.errors import ScoutError
    from scoutlang.ir import Program

__version__ = "0.1.0"

__all__ = ["Program", "ProgramError", "ScoutError", "__version__", "check", "check_file", "compile", "family", "measure", "run"]

# Public name → module that holds it; imported on first use, so that `import scoutlang` costs nothing.
_HOME = {
    "Program": "scoutlang.ir",
    "ProgramError": "scoutlang.api",
    "ScoutError": "scoutlang.errors",
    "check": "scoutlang.api",
    "check_file": "scoutlang.api",
    "compile": "scoutlang.api",
    "family": "scoutlang.api",
    "measure": "scoutlang.api",
    "run": "scoutlang.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
