"""How good are the weights of the embedded model? `python -m benchmarks.mini_quality`.

Every model samples the five systems of the paper and ten systems that no weights were trained on,
without guidance, seed 0 and cfg 1. Shows of all samples: no pair closer than 0.7 × the sum of
covalent radii; volume per atom within 25 % of the mean of the system's crystals in mp-mini; every
element present; unique; S, within 0.1 and 0.2 eV/atom of the hull, where a sample that fails the
screen or has no energy is not in S; the median height of those that have one; CPU seconds. Then
the same S of the first --relax samples after plain relaxation. Energies and hulls are CHGNet's,
which trained none of the weights. A dash: the reference has no answer. p: Fisher's exact test,
two-sided.

Each model, number of steps and system is a run folder below --folder: what is finished is not made
again, and several processes may share the work.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import click
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from filelock import FileLock, Timeout
from pymatgen.core import Composition
from scipy.stats import fisher_exact

from scoutlang.crystals.formats import plain_structure
from scoutlang.crystals.specimen import Specimen
from scoutlang.interfaces import api
from scoutlang.interfaces.display import Display
from scoutlang.ir import Arm
from scoutlang.potentials import Potential
from scoutlang.potentials import load as load_potential
from scoutlang.runs.folder import RunFolder
from scoutlang.runs.judge import STAGES
from scoutlang.runs.manifest import MANIFEST
from scoutlang.runs.minimise import Objective, claims_loss, relax_one
from scoutlang.runs.run import run
from scoutlang.runs.trace import Moment
from scoutlang.sampling.mattergen.checkpoint import Model, load_model
from scoutlang.support.files import write_json
from scoutlang.training.data import is_held_out
from scoutlang.validation import validate
from scoutlang.validation.hull import Hulls
from scoutlang.validation.record import Record
from scoutlang.validation.reference import Reference, union
from scoutlang.validation.reference import load as load_reference
from scoutlang.validation.reference.table import rows as crystals
from scoutlang.validation.store import Store

SYSTEMS = ("B", "Fe-Nd-B", "Li-Co-O", "Cu-Si-P", "Cu-Si-P-Ca")
ARM: Arm = "non-guided"
CPU = "cpu_seconds.json"
WITHIN = (0.1, 0.2)
"""eV/atom."""


def held_out_systems(count: int = 10) -> list[str]:
    """Systems of 2 to 4 elements that no training sees, with a small crystal in mp-mini."""
    table = load_reference().table.select(["chemsys", "num_atoms"]).to_pylist()
    small = {row["chemsys"] for row in table if row["num_atoms"] <= 20}
    held_out = [s for s in small if 2 <= len(s.split("-")) <= 4 and is_held_out(s)]
    held_out.sort(key=lambda s: hashlib.sha256(f"mini_quality/{s}".encode()).digest())
    return held_out[:count]


def fuller_reference(file: Path, systems: Iterable[str]) -> Reference:
    """mp-mini with those crystals of a Parquet file that the hulls of the systems are made of."""
    table = pq.read_table(file)
    wanted = [set(system.split("-")) for system in systems]
    inside = [any(set(s.split("-")) <= w for w in wanted) for s in table["chemsys"].to_pylist()]
    table = table.filter(pa.array(inside))
    if "citation" not in table.column_names:
        table = table.append_column("citation", pa.array([file.name] * len(table), pa.string()))
    return union([load_reference(), Reference.from_structures(file.stem, crystals(table))])


Facts = dict[str, bool | float | None]
"""Of one sample, by column; None where there is no answer."""


class Timed(Display):
    """A display that adds the CPU seconds of each batch to those in a file."""

    def __init__(self, file: Path) -> None:
        super().__init__(quiet=False, transient=True)
        self._file, self._since = file, time.process_time()

    def sampling(self, arm: Arm, done: int, total: int, moment: Moment | None) -> None:
        super().sampling(arm, done, total, moment)
        if moment is None:  # a batch is finished
            now = time.process_time()
            write_json(self._file, seconds(self._file) + now - self._since)
            self._since = now


def seconds(file: Path) -> float:
    """What such a file says so far."""
    return float(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else 0.0


class Cell(NamedTuple):
    """One model on one system with one number of steps."""

    steps: int
    system: str
    model: str


@dataclass(frozen=True)
class Bench:
    """What all cells have in common."""

    folder: Path
    count: int
    relax: int | None
    models: dict[str, Model]
    potential: Potential
    hulls: dict[str, dict[str, Hulls]]
    """System → name of the reference → its hulls."""

    def place(self, cell: Cell) -> Path:
        """The run folder of a cell."""
        weights = self.models[cell.model].weights_sha256[:8]
        return self.folder / f"{weights}-{cell.steps}-{self.count}-{cell.system}"


def sampled(cell: Cell, bench: Bench, display: Display) -> RunFolder:
    """The finished run of a cell."""
    folder = bench.place(cell)
    if not ((folder / MANIFEST).is_file() and RunFolder.open(folder).finished):
        program = api.check(f"system {cell.system}").program
        assert program is not None
        sample = replace(program.sample, count=bench.count, batch=128, steps=cell.steps, seed=0)
        program = replace(program, sample=replace(sample, cfg=1.0, model=cell.model))
        model = bench.models[cell.model]
        run(program, folder, arms=(ARM,), resume=True, device="cpu", model=model, watcher=display)
    return RunFolder.open(folder)


def relaxed(
    made: RunFolder, some: Sequence[Specimen], potential: Potential, display: Display
) -> list[Specimen]:
    """The samples after plain relaxation, which the run's folder keeps in a file each."""
    folder = made.path / f"relaxed-{potential.weights_sha256[:8]}"
    folder.mkdir(exist_ok=True)
    objective = Objective(potential, claims_loss(made.program), rho=0.0)
    found = []
    for done, sample in enumerate(some):
        display.judging("relax", done, len(some))
        file = folder / f"{sample.index:06d}.json"
        if not file.is_file():
            crystal = sample.structure and relax_one(sample.structure, objective).structure
            write_json(file, crystal and crystal.as_dict())
        data = json.loads(file.read_text(encoding="utf-8"))
        found.append(replace(sample, structure=data and plain_structure(data)))
    return found


def judged(
    made: RunFolder, some: Sequence[Specimen], bench: Bench, display: Display
) -> tuple[Record, ...]:
    """What every stage finds; the run's folder keeps that, too."""
    return validate(
        made.program,
        some,
        potential=bench.potential,
        reference=load_reference(),
        progress=display.judging,
        store=Store(made.path / STAGES),
    ).records


def near_hulls(what: str, record: Record, system: str, hulls: dict[str, Hulls]) -> Facts:
    """S and height; no answer where the hull lacks an element of the system."""
    facts: Facts = {}
    everything, energy = Composition(dict.fromkeys(system.split("-"), 1)), record.number("energy")
    for name, hull in hulls.items():
        whole = isinstance(hull.height(everything, 0.0), float)
        found = None if energy is None else hull.height(record.structure.composition, energy)
        height = found if whole and isinstance(found, float) else None
        for most in WITHIN:
            inside = height is not None and height <= most
            facts[f"{what} {most:g} {name}"] = inside if whole else None
        facts[f"{what} median {name}"] = height
    return facts


def known_volume(system: str) -> float | None:
    """The mean per atom, Å^3, of the crystals in mp-mini that have all elements of the system."""
    elements = set(system.split("-"))
    every = [one.structure for one in load_reference().subset(elements)]
    known = [s.volume / len(s) for s in every if s.composition.chemical_system_set == elements]
    return statistics.mean(known) if known else None


def as_sampled(record: Record, system: str, volume: float | None) -> Facts:
    """What needs no hull."""
    crystal = record.generated.structure
    near = (
        crystal is not None and volume and abs(crystal.volume / len(crystal) / volume - 1) <= 0.25
    )
    elements = crystal.composition.chemical_system_set if crystal is not None else set()
    return {
        "valid": record.passed("screen"),
        "volume": bool(near) if volume else None,
        "complete": elements == set(system.split("-")),
        "unique": record.passed("unique"),
    }


def samples(cell: Cell, bench: Bench) -> list[Facts]:
    """All samples of one cell; what is missing in its folder is made."""
    cpu, system = bench.place(cell) / CPU, cell.system
    with Timed(cpu) as display:
        made = sampled(cell, bench, display)
        some = made.generated([ARM])
        records = judged(made, some, bench, display)
        hulls, volume = bench.hulls[system], known_volume(system)
        each = seconds(cpu) / len(some) if cpu.is_file() else None
        found = [
            as_sampled(record, system, volume)
            | near_hulls("S", record, system, hulls)
            | {"CPU s": each}
            for record in records
        ]
        after = relaxed(made, some[: bench.relax], bench.potential, display)
        for facts, record in zip(found, judged(made, after, bench, display), strict=False):
            facts.update(near_hulls("relaxed S", record, system, hulls))
    return found


def work(cells: Sequence[Cell], bench: Bench) -> dict[Cell, list[Facts]]:
    """All cells: those that no other process is at, then the others as they are finished."""
    rows: dict[Cell, list[Facts]] = {}
    for waiting in (False, True):
        for number, cell in enumerate(cells, start=1):
            if cell in rows:
                continue
            try:
                with FileLock(f"{bench.place(cell)}.lock", blocking=waiting):
                    where = f"{cell.system}, {cell.steps} steps, {cell.model}"
                    click.echo(f"{number}/{len(cells)} {where}", err=True)
                    rows[cell] = samples(cell, bench)
            except Timeout:  # another process has it
                continue
    return {cell: rows[cell] for cell in cells}


def totals(rows: dict[Cell, list[Facts]]) -> dict[Cell, list[Facts]]:
    """The same over the systems of the paper and over those held out."""
    found: dict[Cell, list[Facts]] = {}
    groups = {"all of the paper": SYSTEMS, "all held out": held_out_systems()}
    for (cell, some), (name, systems) in itertools.product(rows.items(), groups.items()):
        if cell.system in systems:
            found.setdefault(cell._replace(system=name), []).extend(some)
    return found


@dataclass(frozen=True)
class Number:
    """A column of several samples: a share, a mean or a median of the ``of`` that have one."""

    value: float | None
    of: int
    count: int | None = None
    """Of a share."""

    def __str__(self) -> str:
        if self.value is None:
            return "–"
        share = f"{self.value:.1%} ({self.count}/{self.of})"
        return f"{self.value:.3f}" if self.count is None else share


def numbers(some: Sequence[Facts]) -> dict[str, Number]:
    """Every column that some sample has."""
    found = {}
    for name in some[0]:
        known = [value for facts in some if (value := facts.get(name)) is not None]
        middle = statistics.median if "median" in name else statistics.mean
        share = bool(known) and isinstance(known[0], bool)
        count = int(sum(known)) if share else None
        found[name] = Number(float(middle(known)) if known else None, len(known), count)
    return found


def tests(rows: dict[Cell, dict[str, Number]]) -> list[dict[str, Any]]:
    """Fisher's exact test on S of every two models on the same system, or total, by each hull."""
    found = []
    for (a, one), (b, other) in itertools.combinations(rows.items(), 2):
        for name in (name for name in one if f"S {WITHIN[-1]:g}" in name):
            if b == a._replace(model=b.model):
                x, y = one[name], other[name]
                table = [[n.count or 0, n.of - (n.count or 0)] for n in (x, y)]
                p = float(fisher_exact(table).pvalue) if x.of and y.of else None
                about = {"steps": a.steps, "system": a.system, "column": name, "p": p}
                found.append({**about, "models": {a.model: str(x), b.model: str(y)}})
    return found


def markdown(rows: dict[Cell, dict[str, Number]], found: list[dict[str, Any]], steps: int) -> str:
    """The table of one number of steps, and below it the tests."""
    own = {cell: row for cell, row in rows.items() if cell.steps == steps}
    columns = ["system", "model", *next(iter(own.values()))]
    lines = [f"\n{steps} steps:\n", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for cell, row in own.items():
        lines.append(f"| {cell.system} | {cell.model} | {' | '.join(map(str, row.values()))} |")
    lines.append("")
    for test in (test for test in found if test["steps"] == steps):
        shares = ", ".join(f"{model} {share}" for model, share in test["models"].items())
        p = "–" if test["p"] is None else f"{test['p']:.2g}"
        lines.append(f"- {test['system']}, {test['column']}: {shares}, p = {p}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["mini-1", "mini"])
    parser.add_argument("--systems", nargs="+", default=[*SYSTEMS, *held_out_systems()])
    parser.add_argument("--steps", type=int, nargs="+", default=[64, 250])
    parser.add_argument("--count", type=int, default=128)
    parser.add_argument("--relax", type=int, help="samples of each cell; all, 0 for none")
    parser.add_argument("--fuller", type=Path, help="Parquet with more crystals for the hull")
    parser.add_argument("--folder", type=Path, default=Path("runs/mini-quality"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.folder.mkdir(parents=True, exist_ok=True)
    references = {"mp-mini": load_reference()}
    if given.fuller:
        references["fuller"] = fuller_reference(given.fuller, given.systems)
    models, potential = {name: load_model(name) for name in given.models}, load_potential()
    click.echo(f"held out: {', '.join(held_out_systems())}")
    click.echo(", ".join(f"{name}: {model.weights_sha256[:8]}" for name, model in models.items()))
    click.echo("hulls", err=True)
    hulls = {
        system: {name: Hulls(system.split("-"), potential, r) for name, r in references.items()}
        for system in given.systems
    }
    bench = Bench(given.folder, given.count, given.relax, models, potential, hulls)
    rows = work([Cell(*of) for of in itertools.product(given.steps, given.systems, models)], bench)
    sums = {cell: numbers(some) for cell, some in totals(rows).items()}
    every = {cell: numbers(some) for cell, some in rows.items()} | sums
    found = tests(sums)
    for steps in given.steps:
        click.echo(markdown(every, found, steps))
    data = {
        "settings": {"count": given.count, "seed": 0, "cfg": 1.0, "relax": given.relax},
        "models": {name: model.weights_sha256 for name, model in models.items()},
        "potential": {potential.name: potential.weights_sha256},
        "references": {name: reference.version for name, reference in references.items()},
        "rows": [
            {**cell._asdict(), **{name: asdict(number) for name, number in row.items()}}
            for cell, row in every.items()
        ],
        "tests": found,
    }
    write_json(given.folder / "mini_quality.json", data)


if __name__ == "__main__":
    main()
