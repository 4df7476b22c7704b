"""What large runs need: `python -m benchmarks.large_runs`.

Runs of made crystals (random cells of one to three of copper, nickel, silver and gold, each crystal
a few times, and noise), judged as any run is, EMT giving the energies: seconds, and the memory of
the process that holds the run at its highest. Then the page of the run. Writes the table into
benchmarks/RESULTS.md unless --no-write is given.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import psutil
from pymatgen.core import Lattice, Structure

from benchmarks import results
from scoutlang.crystals.specimen import Specimen
from scoutlang.interfaces import api
from scoutlang.ir import Arm
from scoutlang.runs.judge import adopt, judge

TEXT = "system Cu-Ni-Ag-Au\nrequire CN(Cu-Ni) = 4\nprefer density > 9 g/cm^3\n"
ELEMENTS = ("Cu", "Ni", "Ag", "Au")
COPIES = 4
"""Crystals of the same kind, on average."""


def crystals(count: int, seed: int) -> list[Structure]:
    """Made ones: each of ``count / COPIES`` kinds a few times, shaken by 0.02 Å."""
    draw, numbers = random.Random(seed), np.random.default_rng(seed)
    kinds = []
    for _ in range(max(1, count // COPIES)):
        atoms = draw.randint(2, 12)
        edges = numbers.uniform(0.8, 1.25, 3)
        edges *= (13.0 * atoms / edges.prod()) ** (1 / 3)
        angles = numbers.uniform(75, 105, 3)
        species = [draw.choice(ELEMENTS[: draw.randint(1, 4)]) for _ in range(atoms)]
        kinds.append(
            Structure(Lattice.from_parameters(*edges, *angles), species, numbers.random((atoms, 3)))
        )
    found = []
    for _ in range(count):
        one = draw.choice(kinds)
        shaken = one.frac_coords + numbers.normal(0, 0.02, (len(one), 3)) @ one.lattice.inv_matrix
        found.append(Structure(one.lattice, one.species, shaken))
    return found


def made(folder: Path, count: int) -> None:
    program = api.as_program(TEXT)
    arms: dict[Arm, list[Specimen]] = {
        arm: [Specimen(structure=one) for one in crystals(count, seed)]
        for seed, arm in enumerate(("non-guided", "guided"))
    }
    adopt(program, arms, folder)


def peak(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, highest memory of the process that was started, and of all workers together,
    both in GB.
    """
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    own = others = 0
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            own = max(own, watched.memory_info().rss)
            others = max(others, sum(w.memory_info().rss for w in watched.children(recursive=True)))
        except psutil.Error:
            pass
        time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return time.monotonic() - started, own / 1e9, others / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--workers", type=int)
    parser.add_argument("--no-write", action="store_true", help="show the table only")
    parser.add_argument("--judge", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.judge:
        judge(given.judge, potential="emt", workers=given.workers)
        return
    heads = ("structures in an arm", "judged first, s", "judged again, s", "GB", "workers, GB")
    heads += ("page, s", "page, GB", "page, MB")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for count in given.counts:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "run"
            made(folder, count)
            one = [sys.executable, "-m", "benchmarks.large_runs", "--judge", str(folder)]
            one += ["--workers", str(given.workers)] if given.workers else []
            first, again = peak(one), peak(one)
            report = peak([sys.executable, "-m", "scoutlang", "report", str(folder)])
            size = (folder / "report.html").stat().st_size / 1e6
            records = json.loads((folder / "summary.json").read_text())["table"]["arms"][0]["raw"]
            assert records == count
            cells = [f"{count}", f"{first[0]:.0f}", f"{again[0]:.0f}", f"{first[1]:.2f}"]
            cells += [f"{first[2]:.2f}", f"{report[0]:.0f}", f"{report[1]:.2f}", f"{size:.1f}"]
            lines.append(f"| {' | '.join(cells)} |")
            click.echo(lines[-1])
    text = "\n".join(lines)
    click.echo(text)
    if not given.no_write:
        results.write("large", text)


if __name__ == "__main__":
    main()
