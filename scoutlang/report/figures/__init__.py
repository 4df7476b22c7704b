"""The figures of a judged run, for the page and for a paper.

One file for each kind, and the file is the registration: ``PLACE`` is where it stands in reading
order, ``draw`` makes its figures or says why there are none. Files whose names begin with an
underscore are what the kinds share.
"""

from __future__ import annotations

import importlib
from collections import Counter
from dataclasses import replace

from scoutlang.report.data import ReportData
from scoutlang.report.figures._export import export
from scoutlang.report.figures._figure import Drawn, Figure, LeftOut
from scoutlang.report.figures._look import template
from scoutlang.support.plugins import parts

__all__ = ["Drawn", "Figure", "LeftOut", "draw", "export", "template"]


def draw(data: ReportData) -> list[Drawn]:
    """Every figure that the data allow, and what is left out, each with its reason; in reading
    order. Names are unique.
    """
    kinds = [importlib.import_module(f"{__name__}.{name}") for name in parts(__name__)]
    found: list[Drawn] = []
    seen: Counter[str] = Counter()
    for kind in sorted(kinds, key=lambda kind: int(kind.PLACE)):
        for one in kind.draw(data):
            seen[one.name] += 1
            times = seen[one.name]  # more than once: labels that differ by signs only
            found.append(one if times == 1 else replace(one, name=f"{one.name}-{times}"))
    return found
