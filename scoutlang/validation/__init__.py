"""From generated structures to a table that a referee would trust: every structure keeps a record,
every number its basis.
"""

from __future__ import annotations

from scoutlang.validation.outputs import write_outputs
from scoutlang.validation.pipeline import Validation, validate
from scoutlang.validation.record import Outcome, Record
from scoutlang.validation.table import render_table

__all__ = [
    "Outcome",
    "Record",
    "Validation",
    "render_table",
    "validate",
    "write_outputs",
]
