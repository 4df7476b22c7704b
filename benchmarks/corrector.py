"""What the Langevin corrector does for a model: `python -m benchmarks.corrector`.

Non-guided Cu-Si-P crystals with several settings of the corrector, most of them at about the same
number of network evaluations. Shows the share without a pair that is too close, the shares within
0.2 and 0.3 eV/atom of the mp-mini hull (CHGNet, unrelaxed, of all), and the median height.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import click
import torch

from scoutlang.interfaces import api
from scoutlang.potentials import load as load_potential
from scoutlang.sampling.generate import generate
from scoutlang.sampling.mattergen.checkpoint import load_model
from scoutlang.sampling.mattergen.corrector import Langevin
from scoutlang.sampling.memory import keep_freed_memory
from scoutlang.validation import validate
from scoutlang.validation.reference import load as load_reference

# steps of the diffusion, settings of the corrector
SETTINGS = (
    (100, Langevin(1, 0.1, 0.1)),
    (100, Langevin(1, 0.5, 0.1)),
    (100, Langevin(1, 1.0, 0.2)),
    (100, Langevin(1, 1.0, 0.2, known=0.4)),
    (100, Langevin(1, 1.0, 0.2, known=1.0)),
    (100, Langevin(1, 1.0, 0.5, known=0.4)),
    (200, Langevin(0)),
    (67, Langevin(2, 1.0, 0.2, known=0.4)),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--system", default="Cu-Si-P")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    model, potential, reference = load_model("mini"), load_potential(), load_reference()
    click.echo(
        "| steps | n_c | γ of F | γ of L | q | valid | within 0.2 | within 0.3 "
        "| median e_above_hull, eV/atom |\n" + "|---" * 9 + "|"
    )
    for steps, langevin in SETTINGS:
        program = api.check(
            f"system {given.system}; sample {given.count} steps {steps} seed {given.seed}"
        ).program
        assert program is not None
        sampled = generate(
            program, replace(model, langevin=langevin), "non-guided", range(given.count)
        )
        validation = validate(program, sampled, potential=potential, reference=reference)
        arm = validation.table().arms[0]
        heights = [r.e_above_hull for r in validation.records if r.e_above_hull is not None]
        near = [sum(h <= limit for h in heights) / given.count for limit in (0.2, 0.3)]
        median = "–" if arm.median_e_above_hull is None else f"{arm.median_e_above_hull:.3f}"
        click.echo(
            f"| {steps} | {langevin.steps} "
            f"| {langevin.pos:g} | {langevin.cell:g} | {langevin.known:g} "
            f"| {arm.valid.count / arm.raw:.1%} | {near[0]:.1%} | {near[1]:.1%} | {median} |"
        )


if __name__ == "__main__":
    main()
