"""The versions of the language and what each brought. A program says ``scout N``; a newer
installation reads every older version.
"""

from __future__ import annotations

from collections.abc import Mapping

VERSIONS: Mapping[int, str] = {
    1: "statements scout, import, system, atoms, formula, param, let, motif, require, prefer, expect, guide, sample and sweep; "
    "expressions with units, aggregates and logic; the module std",
}
