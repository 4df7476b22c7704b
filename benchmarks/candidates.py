"""From hits to candidates on the rows of the paper's Table 1: `python -m benchmarks.candidates`.

Each row is sampled without guidance, guided by `adaptive` and by `paper`, and filled into known
prototypes; every arm is relaxed by the energy alone and with the constraint, by the same rule, and
judged in the three geometries, against mp-mini and, with --fuller, against a hull with more known
crystals. With --confirm a potential that did not guide relaxes the candidates once more and judges
them. CPU seconds are of one process with one thread: sampling, and relaxing with its judgement.

Goes on where it stopped. Writes each row into benchmarks/RESULTS.md as soon as it is done, unless
--no-write is given; rows that are not asked for keep what stands there.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks import results
from benchmarks.table1 import EXAMPLES, ROWS, STRENGTH
from scoutlang.interfaces import api
from scoutlang.ir import Arm, Program, Relax, Schedule
from scoutlang.runs.judge import Judged, judge
from scoutlang.runs.relax import relax
from scoutlang.runs.relaxed import Relaxation
from scoutlang.runs.run import run
from scoutlang.sampling.mattergen.checkpoint import Model, load_model
from scoutlang.support.files import write_json
from scoutlang.validation.pipeline import Validation
from scoutlang.validation.record import Record
from scoutlang.validation.statistics import Comparison, Proportion, compare, proportion
from scoutlang.validation.summary import ArmSummary, summarize
from scoutlang.validation.table import p_value, percent

COSTS = "relaxing_seconds.json"
CELLS: tuple[tuple[str, str, Arm], ...] = (
    ("non-guided", "adaptive", "non-guided"),
    ("adaptive", "adaptive", "guided"),
    ("paper", "paper", "guided"),
    ("prototypes", "adaptive", "prototypes"),
)
"""Name of an arm in the table → the run that it is in, and its name there."""
NARROW = 0.1
"""eV/atom, the narrower window."""


@dataclass(frozen=True)
class Bench:
    """What is asked for."""

    folder: Path
    count: int
    steps: int
    batch: int
    confirm: Sequence[str]
    fuller: str
    model: Model


def hypothesis(bench: Bench, row: str, method: str) -> Program:
    program = api.check(EXAMPLES / f"{row}.scout").program
    assert program is not None
    guide: dict[str, Any] = {"method": method}
    if method == "adaptive":
        guide["k"] = Schedule.constant(STRENGTH[row])
    settings: dict[str, Any] = {
        "count": bench.count,
        "batch": bench.batch,
        "steps": bench.steps,
        "cfg": 1.0,
    }
    return replace(
        program,
        sample=replace(program.sample, **settings),
        guide=replace(program.guide, **guide),
        relax=Relax(which="off"),  # arm by arm, below
    )


def made(bench: Bench, row: str, method: str) -> Path:
    """A run, its arms relaxed one after the other, with what that cost."""
    folder = bench.folder / f"{row}-{method}"
    arms: tuple[Arm, ...] = (
        ("non-guided", "guided", "prototypes") if method == "adaptive" else ("guided",)
    )
    program = hypothesis(bench, row, method)
    # rows of one system share what is sampled without guidance
    first = (
        bench.folder / f"{next(r for r in ROWS if _system(bench, r) == program.system)}-adaptive"
    )
    baseline = first if method == "adaptive" and first != folder and first.is_dir() else None
    judged = run(
        program,
        folder,
        arms=arms,
        resume=True,
        device="cpu",
        model=bench.model,
        baseline=baseline,
        potential="chgnet",
        reference="mp-mini",
    )
    costs: dict[str, float] = (
        json.loads((folder / COSTS).read_text()) if (folder / COSTS).exists() else {}
    )
    for arm in arms:
        if arm in costs:
            continue
        started = time.process_time()
        relax(judged, Relax(), arms=(arm,), workers=1)
        costs[arm] = round(time.process_time() - started, 1)
        write_json(folder / COSTS, costs)
    if bench.confirm:
        relax(judged, Relax(), confirm=bench.confirm, workers=1)
    return folder


def _system(bench: Bench, row: str) -> tuple[str, ...]:
    return hypothesis(bench, row, "adaptive").system


# ---- the table ----


@dataclass(frozen=True)
class Line:
    """An arm in one geometry."""

    arm: str
    geometry: str
    summary: ArmSummary
    narrow: Proportion
    """Y_SCOUT within `NARROW`."""
    confirmed: str
    """``12/15`` candidates, of each potential that confirms."""
    seconds: float | None
    """CPU, of sampling and this relaxation, for each structure."""


def lines(judged: Judged, method: str) -> Iterator[Line]:
    """Those of the arms of a run."""
    costs = json.loads((judged.folder / COSTS).read_text())
    for name, of, arm in CELLS:
        if of != method:
            continue
        geometries: list[tuple[str, Validation, Relaxation | None]] = [
            ("as sampled", judged.validation, None)
        ]
        geometries += [
            (one.title, one.validation, one) for one in judged.relaxations if not one.confirms
        ]
        sampling = judged.run.manifest.costs[arm]
        for title, validation, relaxation in geometries:
            records = [r for r in validation.records if r.arm == arm]
            if not records:
                continue
            [summary] = summarize(records).arms
            each = sampling.seconds / sampling.structures
            if relaxation is not None:
                # two ways were relaxed in one go
                each += costs[arm] / 2 / summary.raw
            yield Line(
                name,
                title,
                summary,
                _within(records),
                _confirmed(judged, relaxation, arm),
                each,
            )


def _within(records: Sequence[Record]) -> Proportion:
    inside = [
        r
        for r in records
        if r.e_above_hull is not None
        and r.e_above_hull <= NARROW
        and r.hit is True
        and r.passed("unique")
        and r.passed("novel")
    ]
    return proportion(len(inside), len(records))


def _confirmed(judged: Judged, relaxation: Relaxation | None, arm: Arm) -> str:
    others = [
        one
        for one in judged.relaxations
        if relaxation is not None and one.confirms == relaxation.name
    ]
    if not others:
        return "–"
    said = []
    for one in others:
        looked = [
            r
            for r in one.validation.records
            if r.arm == arm and one.relaxed(r).structure is not None
        ]
        held = sum(
            r.hit is True and r.e_above_hull is not None and r.e_above_hull <= 0.2 for r in looked
        )
        said.append(f"{held}/{len(looked)}")
    return ", ".join(said)


def markdown(found: Sequence[Line]) -> str:
    heads = (
        *("arm", "geometry", "hits", "U", "S", "U∩S∩O", "SCOUT", "Y_SCOUT (95 %)"),
        *(f"Y within {NARROW:g}", "p", "confirmed", "s each", "s per candidate"),
    )
    text = [_cells(heads), "|---" * len(heads) + "|"]
    for one in found:
        arm = one.summary
        count, test = arm.scout.count, _against_plain(found, one)
        cells = (
            one.arm,
            one.geometry,
            percent(arm.hits),
            percent(arm.unique),
            percent(arm.metastable),
            str(arm.original.count),
            percent(arm.scout),
            percent(arm.scout_yield, interval=True),
            percent(one.narrow),
            "" if test is None or test.p_fisher is None else p_value(test.p_fisher),
            one.confirmed,
            "–" if one.seconds is None else f"{one.seconds:.2f}",
            "–" if one.seconds is None or not count else f"{one.seconds * arm.raw / count:.1f}",
        )
        text.append(_cells(cells))
    return "\n".join(text)


def _against_plain(found: Sequence[Line], one: Line) -> Comparison | None:
    plain = next(
        (other for other in found if (other.geometry, other.arm) == (one.geometry, "non-guided")),
        None,
    )
    if plain is None or plain is one:
        return None
    return compare(one.summary.scout_yield, plain.summary.scout_yield)


def _cells(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("runs/candidates"))
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS)
    parser.add_argument("--count", type=int, default=256, help="structures of an arm")
    parser.add_argument("--steps", type=int, default=64)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--confirm", nargs="*", default=[], help="potentials that did not guide")
    parser.add_argument("--fuller", default="", help="a reference set beside mp-mini")
    parser.add_argument("--model", default="mini")
    parser.add_argument("--no-write", action="store_true", help="show the tables only")
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.folder.mkdir(parents=True, exist_ok=True)
    model = load_model(given.model, "cpu")
    bench = Bench(
        given.folder, given.count, given.steps, given.batch, given.confirm, given.fuller, model
    )
    for row in given.rows:
        text = told(bench, row)
        click.echo(text)
        if not given.no_write:
            results.write(f"candidates {row}", text)


def told(bench: Bench, row: str) -> str:
    """A row of Table 1, made and judged, with its settings."""
    folders = {method: made(bench, row, method) for method in ("adaptive", "paper")}
    model = bench.model
    parts = [
        f"### `{row}`",
        f"{bench.count} structures of each arm, {bench.steps} steps, cfg 1, seed 0, model "
        f"{model.name} ({model.weights_sha256[:8]}); CHGNet guides, relaxes and judges"
        + (f"; confirmed by {', '.join(bench.confirm)}" if bench.confirm else "")
        + ". p: Fisher's exact test of Y_SCOUT against the non-guided arm in the same geometry.",
    ]
    for reference in ("mp-mini", *([f"mp-mini+{bench.fuller}"] if bench.fuller else [])):
        click.echo(f"judging {row} against {reference}")
        found = [
            line
            for method, folder in folders.items()
            for line in lines(judge(folder, reference=reference), method)
        ]
        order = [name for name, _, _ in CELLS]
        found.sort(key=lambda x: (x.geometry, order.index(x.arm)))
        parts += [f"Against {reference}:", markdown(found)]
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
