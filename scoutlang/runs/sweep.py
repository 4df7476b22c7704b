"""Several runs as one piece of work: those of a program with sweeps, those of several programs.
Where each goes, and that they share their non-guided arms where they can.
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
    """One run of several, before it is made."""

    program: Program
    folder: Path
    name: str
    """The program's and the values that it has: ``tetrahedra/k=0.4,rc=2.9 Å``; empty for the one
    run of one program.
    """


def members(
    swept: Program, programs: Sequence[Program], folder: Path, name: str = ""
) -> list[Member]:
    """The runs of a program: in the folder itself without sweeps, else each in one below it, named
    by its values.

    programs: those that ``swept`` stands for, in the order of `scoutlang.family`. name: the
    program's, where there are several; it gets a folder of its own.
    """
    folder = folder / name if name else folder
    values = itertools.product(
        *([f"{sweep.name}={value}" for value in sweep.values] for sweep in swept.sweeps)
    )
    return [
        Member(
            program,
            folder / ",".join(_UNSAFE.sub("_", c) for c in chosen) if chosen else folder,
            "/".join(part for part in (name, ",".join(chosen)) if part),
        )
        for program, chosen in zip(programs, values, strict=True)
    ]


def names_of(sources: Sequence[str]) -> list[str]:
    """A name for a folder for each of several programs, from the names of their files; a number
    where two would have the same.
    """
    stems = [_UNSAFE.sub("_", Path(source).stem.strip("<>")) or "run" for source in sources]
    found: list[str] = []
    for stem in stems:
        name, number = stem, 2
        while name in found or (name != stem and name in stems):
            name, number = f"{stem}-{number}", number + 1
        found.append(name)
    return found


def run_each(
    members: Sequence[Member],
    run: Callable[[Member, Path | None], Judged | None],
    baseline: Path | None = None,
) -> Iterator[Judged]:
    """Run one after the other. ``run`` is given each with the run whose non-guided arm it may take:
    ``baseline``, else the first one that samples it alike. One of which nothing came is passed
    over.
    """
    first: dict[object, Path] = {}
    for member in members:
        key = unguided(member.program)
        judged = run(member, baseline or first.get(key))
        if judged is None:
            continue
        first.setdefault(key, judged.folder)
        yield judged


def unguided(program: Program) -> tuple[object, ...]:
    """All of a program that decides what its non-guided arm holds, but the number of structures."""
    sample = program.sample.to_data()
    del sample["count"]
    return (
        program.system,
        program.atoms,
        program.formula,
        program.symmetry,
        program.keep,
        program.start,
        tuple(sorted(sample.items())),
    )
