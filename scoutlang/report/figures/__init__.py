"""The figures of a judged run, for the page and for a paper. One file for each kind; `draw` of that
file makes them, or says why there are none.
"""

from __future__ import annotations

from dataclasses import replace

from scoutlang.report.data import ReportData
from scoutlang.report.figures import distribution, funnel, joint, margins, pareto, trace
from scoutlang.report.figures.export import export
from scoutlang.report.figures.figure import Figure, LeftOut
from scoutlang.report.figures.look import template

__all__ = ["Figure", "LeftOut", "draw", "export", "figures", "template"]


_KINDS = (funnel, distribution, joint, pareto, margins, trace)


def draw(data: ReportData) -> tuple[list[Figure], list[LeftOut]]:
    """Every figure that the data allow, in reading order, and those that are left out, each with
    its reason. Names are unique.
    """
    drawn = [one for kind in _KINDS for one in kind.draw(data)]
    seen: dict[str, int] = {}
    for place, one in enumerate(drawn):
        seen[one.name] = seen.get(one.name, 0) + 1
        if seen[one.name] > 1:  # labels that differ by signs only
            drawn[place] = replace(one, name=f"{one.name}-{seen[one.name]}")
    return [one for one in drawn if isinstance(one, Figure)], [
        one for one in drawn if isinstance(one, LeftOut)
    ]


def figures(data: ReportData) -> list[Figure]:
    """The figures of `draw`."""
    return draw(data)[0]
