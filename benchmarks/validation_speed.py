"""How fast each stage of the validation is: ``python -m benchmarks.validation_speed`` prints a
table for 1000 and one for 10 000 crystals.

The crystals are made here, the same in every run: frames of the embedded reference set (2 to 20
atoms) with the names Cu, Si and P at random, strained by 5 % and shaken by 0.1 Å; every third one
repeats an earlier one, shaken by 0.02 Å and in another cell. Each count has a process of its own,
as the peak of memory is that of a process. Energies are asked of a part only, and the hull with
them. `groups` is measured on two more sets: the same frames with all atoms boron, so that every
crystal with as many atoms stands in one block, and the reference set itself, where hardly two
formulas are the same. Then, on a part that can be waited for, what one would do without the stage.
Processor time of one thread; the network is CHGNet's. The row "cores" is the wall time of `groups`
as it is used, on all cores from 2000 structures on. ``--rows boron --rows cores`` measures only
these, minutes each with 10 000.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import click
import numpy as np
import torch
from chgnet.model.dynamics import CHGNetCalculator
from joblib import cpu_count
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from scoutlang.crystals.specimen import Specimen
from scoutlang.interfaces import api
from scoutlang.ir.elements import SYMBOLS
from scoutlang.potentials.chgnet import CHGNetPotential
from scoutlang.support.engines.processes import Processes
from scoutlang.validation import Record
from scoutlang.validation.reference import load
from scoutlang.validation.stages import Context, Stage, built_in
from scoutlang.validation.stages.geometry import STAGE as GEOMETRY
from scoutlang.validation.stages.groups import STAGE as GROUPS
from scoutlang.validation.stages.symmetry import STAGE as SYMMETRY

PROGRAM = (
    "system Cu-Si-P; require CN(Cu-P) = 4; require volume_per_atom = 15 Å^3; "
    "expect e_above_hull < 0.2 eV/atom; expect novel and unique"
)
SYSTEM = ("Cu", "Si", "P")
VOLUME = {"Cu-Si-P": 15.0, "boron": 7.5}  # Å^3 per atom
ROWS = ("stages", "boron", "reference", "cores", "beside")
ENERGIES, GROUPED, ONE_BY_ONE, ANALYSED = 512, 300, 32, 300


def crystals(kind: str, count: int) -> list[Structure]:
    """Of ``Cu-Si-P``, ``boron``, or as they are in the ``reference``."""
    rng = np.random.default_rng(0)
    frames = [
        known.structure for known in load().subset(SYMBOLS) if 2 <= len(known.structure) <= 20
    ]
    made: list[Structure] = []
    for i in range(count):
        if i % 3 == 2:
            made.append(_again(made[int(rng.integers(i))], rng))
            continue
        frame = frames[int(rng.integers(len(frames)))].copy()
        names = {
            "Cu-Si-P": rng.choice(SYSTEM, len(frame)),
            "boron": ["B"] * len(frame),
            "reference": frame.atomic_numbers,
        }[kind]
        volume = VOLUME.get(kind, frame.volume / len(frame)) * len(frame)
        strained = (
            frame.lattice.matrix
            * (volume / frame.volume) ** (1 / 3)
            @ (np.eye(3) + rng.normal(0, 0.05, (3, 3)))
        )
        made.append(_shaken(Structure(strained, names, frame.frac_coords), 0.1, rng))
    return made


def _again(structure: Structure, rng: np.random.Generator) -> Structure:
    """The same crystal by another basis of its lattice."""
    change = np.eye(3, dtype=int)[rng.permutation(3)]
    change[0] += change[1] * rng.integers(-1, 2)
    matrix = change @ structure.lattice.matrix
    moved = Structure(
        matrix,
        structure.species,
        structure.cart_coords + rng.normal(size=3),
        coords_are_cartesian=True,
        to_unit_cell=True,
    )
    return _shaken(moved, 0.02, rng)


def _shaken(structure: Structure, length: float, rng: np.random.Generator) -> Structure:
    shifts = rng.normal(0, length / 3**0.5, (len(structure), 3))
    return Structure(
        structure.lattice,
        structure.species,
        structure.cart_coords + shifts,
        coords_are_cartesian=True,
    )


def timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def run(
    stage: Stage,
    records: Sequence[Record],
    context: Context,
    clock: Callable[[], float] = time.process_time,
) -> tuple[list[Record], float, int]:
    """The records after a stage, its seconds, and how many it was asked about."""
    ready = [r for r in records if all(r.passed(need) for need in stage.needs)]
    start = clock()
    outcomes = stage.run(ready, context)
    seconds = clock() - start
    found = {r.id: r.after(stage.name, o) for r, o in zip(ready, outcomes, strict=True)}
    return [found.get(r.id, r) for r in records], seconds, len(ready)


def records_of(structures: Sequence[Structure]) -> list[Record]:
    return [Record(str(i), Specimen("guided", 0, i, s)) for i, s in enumerate(structures)]


def peak() -> float:
    """MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(count: int, rows: Sequence[str]) -> None:
    program = api.check(PROGRAM).program
    assert program is not None
    potential = CHGNetPotential()
    context = Context(program, potential, load(), lambda done, total: None)
    structures = crystals("Cu-Si-P", count)
    potential.energies(structures[:1])  # loads the model
    click.echo(
        f"\n{count} crystals, {peak():.0f} MiB before the first stage\n\n"
        "| stage | asked | s | structures/s | peak, MiB |\n|---|---|---|---|---|"
    )

    def row(name: str, number: int, seconds: float) -> None:
        click.echo(
            f"| {name} | {number} | {seconds:.1f} | {number / max(seconds, 1e-9):.0f} "
            f"| {peak():.0f} |"
        )

    records = records_of(structures)
    for stage in (s for s in built_in() if "stages" in rows):
        asked = (
            [r for r in records if r.passed("screen")][:ENERGIES]
            if stage.name == "energy"
            else records
        )
        after, seconds, number = run(stage, asked, context)
        records = list({**{r.id: r for r in records}, **{r.id: r for r in after}}.values())
        row(stage.name, number, seconds)
        if stage.name == "unique":
            click.echo(f"|  | of these {sum(r.passed('unique') for r in records)} unique | | | |")
    for kind in ("boron", "reference"):
        if kind in rows:
            records, seconds, number = run(
                GROUPS, passed_geometry(crystals(kind, count), context), context
            )
            row(f"groups, {kind}: {groups(records)}", number, seconds)
    if "cores" in rows:
        engine = Processes()
        records, seconds, number = run(
            GROUPS,
            passed_geometry(crystals("boron", count), context),
            replace(context, engine=engine),
            time.perf_counter,
        )
        engine.close()
        row(
            f"groups, boron, wall time, {cpu_count()} cores: {groups(records)}",
            number,
            seconds,
        )
    if "beside" in rows:
        compare(structures, context)


def passed_geometry(structures: Sequence[Structure], context: Context) -> list[Record]:
    return run(GEOMETRY, records_of(structures), context)[0]


def groups(records: Sequence[Record]) -> int:
    """How many there are; one that cannot be compared is in none."""
    return len({r.value("group") for r in records} - {None})


def compare(structures: Sequence[Structure], context: Context) -> None:
    """Milliseconds per crystal of a stage, and of what one would do without it, on the same
    crystals.
    """
    click.echo(
        "\n| stage | crystals | ms each | beside it | ms each | ratio |\n|---|---|---|---|---|---|"
    )

    def row(
        stage: str,
        asked: Sequence[Structure],
        ours: Callable[[], object],
        other: str,
        theirs: Callable[[], object],
    ) -> None:
        own, their = timed(ours), timed(theirs)
        each = [1000 * seconds / len(asked) for seconds in (own, their)]
        click.echo(
            f"| {stage} | {len(asked)} | {each[0]:.2f} | {other} | {each[1]:.2f} "
            f"| × {their / own:.1f} |"
        )

    for kind in ("Cu-Si-P", "boron"):
        some = passed_geometry(crystals(kind, GROUPED), context)
        of_some = [r.structure for r in some]
        row(
            f"groups, {kind}",
            of_some,
            partial(GROUPS.run, some, context),
            "group_structures",
            partial(StructureMatcher().group_structures, of_some),
        )
    few = structures[:ONE_BY_ONE]
    row(
        "energy",
        few,
        lambda: context.potential.energies(few),
        "ASE calculator",
        lambda: one_by_one(few),
    )
    many = structures[:ANALYSED]
    row(
        "symmetry",
        many,
        lambda: SYMMETRY.run(records_of(many), context),
        "SpacegroupAnalyzer",
        lambda: [analysed(s) for s in many],
    )


def one_by_one(structures: Sequence[Structure]) -> list[float]:
    calculator = CHGNetCalculator(use_device="cpu", verbose=False)
    atoms = [AseAtomsAdaptor.get_atoms(s) for s in structures]
    return [float(calculator.get_potential_energy(a)) for a in atoms]


def analysed(structure: Structure) -> tuple[int, Structure]:
    analyzer = SpacegroupAnalyzer(structure, symprec=0.1)
    return analyzer.get_space_group_number(), analyzer.get_refined_structure()


@click.command(help=__doc__)
@click.option(
    "--count",
    "counts",
    multiple=True,
    default=(1000, 10_000),
    show_default=True,
    help="Crystals; may be repeated.",
)
@click.option(
    "--rows",
    multiple=True,
    type=click.Choice(ROWS),
    help="What is measured; may be repeated. Default: all, the comparisons for one count only.",
)
def main(counts: Sequence[int], rows: Sequence[str]) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if len(counts) == 1:
        measure(counts[0], rows or ROWS)
        return
    for count in counts:
        some = rows or (ROWS if count == min(counts) else ROWS[:-1])
        options = [word for name in some for word in ("--rows", name)]
        subprocess.run(
            [sys.executable, "-m", "benchmarks.validation_speed", "--count", str(count), *options],
            check=True,
        )


if __name__ == "__main__":
    main()
