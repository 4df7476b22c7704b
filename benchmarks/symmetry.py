"""A motif with and without a symmetry that the sampler keeps: `python -m benchmarks.symmetry`.

CN(Cu-P) = 4 in Cu-Si-P, both arms, with and without ``symmetry >= 4 operations``: hits, structures
near the hull (S), how many have an operation beside translations, and in how many space groups
they are, as sampled; candidates after relaxing by the energy alone and with the constraint. Goes on
where it stopped. Writes the table into benchmarks/RESULTS.md unless --no-write is given.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import torch
from scipy.stats import fisher_exact

from benchmarks import results
from scoutlang.descriptors.spacegroup import number
from scoutlang.interfaces import api
from scoutlang.ir import Program
from scoutlang.runs.judge import Judged
from scoutlang.runs.run import run
from scoutlang.sampling.mattergen.checkpoint import load_model
from scoutlang.validation.record import Record
from scoutlang.validation.summary import summarize
from scoutlang.validation.table import p_value, percent

SYMMETRIES = ("", "symmetry >= 4 operations")
TEXT = """system Cu-Si-P
{symmetry}
require CN(Cu-P) = 4
guide k=4
sample {count} batch=64 steps=64 cfg=1
relax by=both
"""
SYMPREC = 0.1
"""Å"""


def program(symmetry: str, count: int) -> Program:
    found = api.check(TEXT.format(symmetry=symmetry, count=count), name="symmetry.scout").program
    assert found is not None
    return found


def groups(records: Sequence[Record]) -> list[int]:
    """The space group of each structure that has one."""
    made = [r.generated.structure for r in records]
    found = [number(one, SYMPREC) for one in made if one is not None]
    return [one for one in found if one is not None]


def rows(judged: Judged, symmetry: str) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """(arm and geometry, cells of the table, structures in SCOUT)."""
    geometries = [("as sampled", judged.validation)]
    geometries += [(one.title, one.validation) for one in judged.relaxations]
    manifest = judged.run.manifest
    for arm in ("non-guided", "guided"):
        cost = manifest.costs[arm]
        for title, validation in geometries:
            records = [r for r in validation.records if r.arm == arm]
            [summary] = summarize(records).arms
            found = groups(records)
            cells = (
                symmetry.removeprefix("symmetry ") or "none",
                arm,
                title,
                *(str(n) for n in (summary.raw, summary.valid.count, summary.hits.count)),
                str(summary.metastable.count),
                str(summary.scout_yield.count),
                percent(summary.scout_yield),
                "–"
                if summary.median_e_above_hull is None
                else f"{summary.median_e_above_hull:.3f}",
                f"{sum(one > 1 for one in found) / max(len(found), 1):.0%}",
                str(len(set(found))),
                f"{cost.seconds / cost.structures:.2f}" if title == "as sampled" else "",
            )
            yield f"{arm}, {title}", cells, summary.scout_yield.count


def fisher(with_it: int, without: int, count: int) -> float:
    """Whether more of as many structures are candidates with the symmetry, one-sided."""
    table = [[with_it, count - with_it], [without, count - without]]
    return float(fisher_exact(table, alternative="greater").pvalue)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("runs/symmetry"))
    parser.add_argument("--count", type=int, default=128)
    parser.add_argument("--no-write", action="store_true", help="show the table only")
    given = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model("mini")
    lines: list[str] = []
    scout: dict[str, list[int]] = {}
    for symmetry in SYMMETRIES:
        judged = run(
            program(symmetry, given.count),
            given.folder / ("with" if symmetry else "without"),
            resume=True,
            device="cpu",
            model=model,
            potential="chgnet",
            reference="mp-mini",
        )
        for name, cells, count in rows(judged, symmetry):
            lines.append("| " + " | ".join(cells) + " |")
            scout.setdefault(name, []).append(count)
    header = (
        "symmetry, arm, geometry, R, valid, hits, S, candidates, of R, median eV/atom, "
        "more than P1, space groups, s per structure"
    )
    table = [f"| {header.replace(', ', ' | ')} |", "|---" * len(header.split(", ")) + "|", *lines]
    changes = [
        f"{name}: {p_value(fisher(*found[::-1], given.count))}"
        for name, found in scout.items()
        if any(found)
    ]
    text = "\n".join(table) + "\n\nCandidates with against without, Fisher's exact test: "
    text += "; ".join(changes) + "."
    click.echo(text)
    if not given.no_write:
        results.write("benchmarks.symmetry", text)


if __name__ == "__main__":
    main()
