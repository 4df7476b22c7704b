"""Diagnostics for editors: ``Diagnostic`` objects of the Language Server Protocol 3.17.

Lines and characters count from 0, characters in UTF-16 code units, the protocol's default encoding
of positions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from scoutlang.ir.source import Source, Span
from scoutlang.language.diagnostics.model import Diagnostic, Label, Severity
from scoutlang.language.diagnostics.render.shared import document_uri, utf16_units, whole_message
from scoutlang.support.shown import shown_lines

_SEVERITY: dict[Severity, int] = {"error": 1, "warning": 2, "info": 3}
_LINE_END = re.compile(r"\r\n|\n|\r")  # the protocol knows these three


def publication(diagnostics: Sequence[Diagnostic], source: Source) -> dict[str, Any]:
    """``PublishDiagnosticsParams`` of one program, ready for `json.dumps`: its URI and its
    diagnostics.
    """
    return {
        "uri": document_uri(source.name),
        "diagnostics": [_diagnostic(d, source) for d in diagnostics],
    }


def _diagnostic(diagnostic: Diagnostic, source: Source) -> dict[str, Any]:
    whole_file = Span(0, 0)
    data: dict[str, Any] = {
        "range": _range(diagnostic.primary.span if diagnostic.primary else whole_file, source),
        "severity": _SEVERITY[diagnostic.severity],
        "code": diagnostic.code,
        "source": "scout",
        "message": shown_lines(whole_message(diagnostic)),
    }
    if diagnostic.secondary:
        data["relatedInformation"] = [_related(label, source) for label in diagnostic.secondary]
    if diagnostic.fix:
        data["data"] = {
            "fix": {
                "range": _range(diagnostic.fix.span, source),
                "newText": diagnostic.fix.replacement,
            }
        }
    return data


def _related(label: Label, source: Source) -> dict[str, Any]:
    return {
        "location": {"uri": document_uri(source.name), "range": _range(label.span, source)},
        "message": shown_lines(label.text),
    }


def _range(span: Span, source: Source) -> dict[str, Any]:
    return {"start": _position(span.start, source.text), "end": _position(span.end, source.text)}


def _position(offset: int, text: str) -> dict[str, int]:
    if text[offset - 1 : offset + 1] == "\r\n":
        offset -= 1  # nothing is between the two characters of one line end
    before = _LINE_END.split(text[:offset])
    return {"line": len(before) - 1, "character": utf16_units(before[-1])}
