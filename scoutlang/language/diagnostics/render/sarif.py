"""Diagnostics for code scanning: a SARIF 2.1.0 log (OASIS standard,
https://docs.oasis-open.org/sarif/sarif/v2.1.0/).

Lines and columns count from 1, columns in UTF-16 code units, and an end column is the one after the
last character (section 3.30).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from scoutlang.ir.source import Source, Span
from scoutlang.language.diagnostics.codes import EXPLANATIONS, Explanation
from scoutlang.language.diagnostics.model import Diagnostic, Fix, Label, Severity
from scoutlang.language.diagnostics.render.shared import relative_uri, utf16_units, whole_message

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_PLACE = {code: place for place, code in enumerate(EXPLANATIONS)}
_LEVEL: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}


def log(found: Iterable[tuple[Source, Sequence[Diagnostic]]], version: str) -> dict[str, Any]:
    """One log of what was found in some programs, ready for `json.dumps`. ``version`` is that of
    scoutlang.
    """
    driver = {
        "name": "scout",
        "version": version,
        "semanticVersion": version,
        "rules": [_rule(page) for page in EXPLANATIONS.values()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "utf16CodeUnits",
        "results": [
            _result(diagnostic, source)
            for source, diagnostics in found
            for diagnostic in diagnostics
        ],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(page: Explanation) -> dict[str, Any]:
    return {
        "id": page.code,
        "shortDescription": _message(page.title),
        "fullDescription": _message(page.text),
        # what GitHub shows beside a result; the page of `scout explain`, as there is no other
        "help": {"text": page.text, "markdown": page.text},
        "defaultConfiguration": {"level": _LEVEL[Diagnostic(page.code, page.title).severity]},
    }


def _result(diagnostic: Diagnostic, source: Source) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": _PLACE[diagnostic.code],
        "level": _LEVEL[diagnostic.severity],
        "message": _message(whole_message(diagnostic)),
        "locations": [_location(diagnostic.primary, source)],
    }
    if diagnostic.secondary:
        result["relatedLocations"] = [
            {**_location(label, source), "message": _message(label.text)}
            for label in diagnostic.secondary
        ]
    if diagnostic.fix:
        result["fixes"] = [_fix(diagnostic.fix, source)]
    return result


def _location(label: Label | None, source: Source) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": relative_uri(source.name)}}
    if label:
        place["region"] = _region(label.span, source)
    return {"physicalLocation": place}


def _fix(fix: Fix, source: Source) -> dict[str, Any]:
    replacement = {
        "deletedRegion": _region(fix.span, source),
        "insertedContent": {"text": fix.replacement},
    }
    change = {"artifactLocation": {"uri": relative_uri(source.name)}, "replacements": [replacement]}
    return {"description": _message(f"replace by `{fix.replacement}`"), "artifactChanges": [change]}


def _region(span: Span, source: Source) -> dict[str, int]:
    (start_line, start_column), (end_line, end_column) = (
        _place(span.start, source),
        _place(span.end, source),
    )
    return {
        "startLine": start_line,
        "startColumn": start_column,
        "endLine": end_line,
        "endColumn": end_column,
    }


def _place(offset: int, source: Source) -> tuple[int, int]:
    line, column = source.line_col(offset)
    return line, utf16_units(source.text[offset - column + 1 : offset]) + 1


def _message(text: str) -> dict[str, str]:
    # Section 3.11.5: single braces are placeholders.
    return {"text": text.replace("{", "{{").replace("}", "}}")}
