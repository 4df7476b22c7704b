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
    """One run of a sweep, before it is made."""

    program: Program
    folder: Path
    name: str
    """The values that it has: ``k=0.4,rc=2.9 Å``; empty where nothing is swept."""


def members(swept: Program, programs: Sequence[Program], folder: Path) -> list[Member]:
    """The runs of a sweep: in the folder itself without sweeps, else each in one below it, named by
    its values.

    programs: those that ``swept`` stands for, in the order of `scoutlang.family`.
    """
    values = itertools.product(
        *([f"{sweep.name}={value}" for value in sweep.values] for sweep in swept.sweeps)
    )
    return [
        Member(
            program,
            folder / ",".join(_UNSAFE.sub("_", c) for c in chosen) if chosen else folder,
            ",".join(chosen),
        )
        for program, chosen in zip(programs, values, strict=True)
    ]


def run_each(
    members: Sequence[Member],
    run: Callable[[Member, Path | None], Judged],
    baseline: Path | None = None,
) -> Iterator[Judged]:
    """Run one after the other. ``run`` is given each with the run whose non-guided arm it may take:
    ``baseline``, else the first one.
    """
    for member in members:
        judged = run(member, baseline)
        baseline = baseline or judged.folder
        yield judged
