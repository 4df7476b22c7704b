"""Text → checked program. Imports neither torch nor any chemistry package, so that checking starts
at once.
"""

from __future__ import annotations

from scoutlang.language.checker import CheckResult, check, family

__all__ = ["CheckResult", "check", "family"]
