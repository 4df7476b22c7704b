"""Truth of a relation: the dimensionless margin ρ of a value, and whether it holds. Torch-free; `ir.Relation` has the definitions."""

from __future__ import annotations

import math
from collections.abc import Iterable

from scoutlang.ir import Relation

ROUNDING = 1e-9
"""Margins this close to 0 are 0: ``CN = 4 ± 0.3`` holds at 4.3, and ``CN > 3`` does not at 3.0000000000000004."""


def margin(relation: Relation, value: float | None) -> float | None:
    """ρ of a value in canonical units; None where the value is undefined (None, NaN) or the relation has no truth value.

    A ``=`` without a tolerance uses ``scale`` for it.
    """
    if value is None or math.isnan(value) or relation.op in ("minimize", "maximize"):
        return None
    if relation.target is not None:
        return 1 - abs(value - relation.target) / (relation.tolerance or relation.scale)
    sides = []
    if relation.low is not None:
        sides.append((value - relation.low) / relation.scale)
    if relation.high is not None:
        sides.append((relation.high - value) / relation.scale)
    return min(sides)


def holds(relation: Relation, value: float | None) -> bool | None:
    """ρ ≥ 0, or ρ > 0 for the strict ``<`` and ``>``, up to `ROUNDING`; None where `margin` is None."""
    rho = margin(relation, value)
    if rho is None:
        return None
    return rho > ROUNDING if relation.op in ("<", ">") else rho >= -ROUNDING


def all_hold(verdicts: Iterable[bool | None]) -> bool | None:
    """True if every verdict is. None where there is none or one of them is None, even beside a False: "undefined" is a class of its own."""
    verdicts = tuple(verdicts)
    return None if None in verdicts or not verdicts else all(verdicts)
