"""The runs of a program with sweeps: where each goes, and that they share one non-guided arm where
they can.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scoutlang.ir import Program

if TYPE_CHECKING:
    from scoutlang.runs.judge import Judged

_UNSAFE = re.compile(r"[^\w.=+-]+")  # in a folder's name


@dataclass(frozen=True)
class Member:
    """One program of a family and the folder of its run. name: its values, ``k=0.4,rc=2.9 Å``;
    empty where nothing is swept.
    """

    program: Program
    folder: Path
    name: str


def members(program: Program, family: Sequence[Program], folder: Path) -> list[Member]:
    """Every program of the family with its folder: the folder itself without sweeps, else one below
    it, named by its values.

    family: as `scoutlang.interfaces.api.family` makes it of ``program``, in that order.
    """
    values = itertools.product(
        *([f"{sweep.name}={value}" for value in sweep.values] for sweep in program.sweeps)
    )
    return [
        Member(
            member,
            folder / ",".join(_UNSAFE.sub("_", c) for c in chosen) if chosen else folder,
            ",".join(chosen),
        )
        for member, chosen in zip(family, values, strict=True)
    ]


def run_each(
    family: Sequence[Member],
    run: Callable[[Member, Path | None], Judged],
    baseline: Path | None = None,
) -> Iterator[Judged]:
    """Run the members one after the other. ``run`` is given each with the run whose non-guided arm
    it may take: ``baseline``, else the first one.
    """
    for member in family:
        judged = run(member, baseline)
        baseline = baseline or judged.folder
        yield judged
