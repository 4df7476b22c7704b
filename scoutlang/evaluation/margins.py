"""What verdicts mean together, and how close to a bound is on it. Torch-free."""

from __future__ import annotations

from collections.abc import Iterable

ROUNDING = 1e-9
"""Margins this close to 0 are 0: ``CN = 4 ± 0.3`` holds at 4.3, and ``CN > 3`` does not at
3.0000000000000004.
"""


def all_hold(verdicts: Iterable[bool | None]) -> bool | None:
    """True if every verdict is. None where there is none or one of them is None, even beside a
    False: "undefined" is a class of its own.
    """
    verdicts = tuple(verdicts)
    return None if None in verdicts or not verdicts else all(verdicts)
