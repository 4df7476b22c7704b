"""What relaxing a sampled structure costs: `python -m benchmarks.relaxing_speed`.

Guided structures of the embedded model, CHGNet on one core, by the energy alone: as ASE's users do
it (CHGNet's own calculator, BFGS as it comes, the logarithm of the deformation of the cell, 30
steps), and by `scoutlang.runs.minimise.relax_one`. Shows CPU seconds per structure, the ratio, and
how the energies at the end compare.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import click
import torch
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from scoutlang.interfaces import api
from scoutlang.ir import Relax
from scoutlang.potentials import load as load_potential
from scoutlang.runs.minimise import Objective, claims_loss, relax_one
from scoutlang.sampling.generate import generate
from scoutlang.sampling.mattergen.checkpoint import load_model
from scoutlang.sampling.memory import keep_freed_memory

PROGRAM = "system Cu-Si-P; atoms in [8, 12]; require CN(Cu-P) = 4; sample {} steps 64 seed {}"
USUAL_STEPS = 30


def usual() -> Callable[[Structure], float]:
    """→ eV/atom after the usual way."""
    from chgnet.model import CHGNet, CHGNetCalculator

    calculator = CHGNetCalculator(
        CHGNet.load(use_device="cpu", verbose=False), use_device="cpu", on_isolated_atoms="ignore"
    )

    def relax(structure: Structure) -> float:
        atoms = AseAtomsAdaptor.get_atoms(structure)
        atoms.calc = calculator
        BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=0.05, steps=USUAL_STEPS)
        return float(atoms.get_potential_energy()) / len(atoms)

    return relax


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    program = api.check(PROGRAM.format(given.count, given.seed)).program
    assert program is not None
    made = generate(program, load_model("mini"), "guided", range(given.count))
    structures = [s.crystal for s in made]
    objective = Objective(load_potential(), claims_loss(program), 0.0)

    def ours(structure: Structure) -> float:
        relaxed = relax_one(structure, objective)
        assert relaxed.energy_after is not None
        return relaxed.energy_after

    ways = {f"ASE's way, {USUAL_STEPS} steps": usual(), f"relax_one, {Relax.steps} steps": ours}
    energies: dict[str, list[float]] = {name: [] for name in ways}
    seconds = dict.fromkeys(ways, 0.0)
    for relax in ways.values():  # what is loaded at the first call is not counted
        relax(structures[0])
    for structure in structures:
        for name, relax in ways.items():
            start = time.process_time()
            energies[name].append(relax(structure))
            seconds[name] += time.process_time() - start
    first, second = ways
    atoms = statistics.mean(map(len, structures))
    click.echo(f"{len(structures)} structures of {atoms:.1f} atoms in the mean")
    for name in ways:
        click.echo(
            f"{name}: {seconds[name] / len(structures):.2f} CPU s each, "
            f"{statistics.mean(energies[name]):.4f} eV/atom"
        )
    higher = [b - a for a, b in zip(energies[first], energies[second], strict=True)]
    click.echo(
        f"ratio {seconds[first] / seconds[second]:.2f}; ours ends higher by "
        f"{statistics.mean(higher):+.4f} eV/atom in the mean, {statistics.median(higher):+.4f} in "
        f"the median, from {min(higher):+.3f} to {max(higher):+.3f}"
    )


if __name__ == "__main__":
    main()
