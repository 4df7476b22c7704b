"""What is said to the user about a program: one data model, many renderers."""

from __future__ import annotations

from scoutlang.language.diagnostics.model import Diagnostic, Fix, Label, Severity

__all__ = ["Diagnostic", "Fix", "Label", "Severity"]
