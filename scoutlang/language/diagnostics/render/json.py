"""Diagnostics for programs: plain data, 1-based lines and columns, half-open character offsets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scoutlang.ir.source import Source, Span
from scoutlang.language.diagnostics.model import Diagnostic, Label


def as_data(diagnostics: Sequence[Diagnostic], source: Source) -> list[dict[str, Any]]:
    """One dictionary per message, ready for `json.dumps`."""
    return [_diagnostic(d, source) for d in diagnostics]


def _diagnostic(diagnostic: Diagnostic, source: Source) -> dict[str, Any]:
    labels = [(diagnostic.primary, True)] if diagnostic.primary else []
    labels += [(label, False) for label in diagnostic.secondary]
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "spans": [_label(label, primary, source) for label, primary in labels],
        "help": diagnostic.help,
        "fix": None
        if diagnostic.fix is None
        else {**_span(diagnostic.fix.span, source), "replacement": diagnostic.fix.replacement},
    }


def _label(label: Label, primary: bool, source: Source) -> dict[str, Any]:
    return {**_span(label.span, source), "primary": primary, "label": label.text}


def _span(span: Span, source: Source) -> dict[str, Any]:
    line, column = source.line_col(span.start)
    return {"start": span.start, "end": span.end, "line": line, "column": column}
