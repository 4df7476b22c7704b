"""`scout relax`: what is left of a run's hits when its structures may relax, with a penalty for
leaving what was asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import click

from scoutlang.interfaces.cli._judge_options import arms_option
from scoutlang.interfaces.cli._program_argument import (
    PATH,
    color_option,
    echo_json,
    format_option,
    on_interruption,
)
from scoutlang.ir import Arm

if TYPE_CHECKING:
    from scoutlang.runs.minimise import Relaxed
    from scoutlang.runs.relax import RelaxedRun


@click.command("relax")
@click.argument("folder", type=PATH, metavar="RUN_FOLDER")
@click.option(
    "--steps",
    type=click.IntRange(1, 10_000),
    default=24,
    show_default=True,
    help="Steps of the optimiser for each structure.",
)
@click.option(
    "--rho",
    type=click.FloatRange(0, 1e6),
    default=0.5,
    show_default=True,
    help="ρ in eV/atom; 0 relaxes without constraints.",
)
@arms_option("--arm")
@click.option("--potential", default="chgnet", show_default=True, help="It relaxes and judges.")
@format_option
@color_option
def command(
    folder: Path, steps: int, rho: float, arms: tuple[Arm, ...], potential: str, output_format: str
) -> None:
    """Relax the structures of a finished run, and judge them before and after.

    Minimises E/n + (ρ/2) ℓ² over sites and cell: the energy by a potential, and the loss ℓ of the
    program, so that a structure keeps what was asked for unless that costs much energy. Both arms
    are treated alike. The structures as sampled stay as they are; relaxed ones, their records and
    the summary go into RUN_FOLDER/relaxed. When interrupted, run it again with the same options: it
    goes on where it was.
    """
    from scoutlang.interfaces.display import Display
    from scoutlang.potentials import load, notice
    from scoutlang.runs.relax import relax_run

    quiet = output_format == "json"
    interrupted = (
        f"interrupted; what is relaxed is kept in {folder / 'relaxed'}\n"
        "  continue with the same command"
    )
    with on_interruption(interrupted), Display(quiet=quiet) as display:
        loaded = load(potential)
        if licence := notice(potential):
            display.note(licence)
        found = relax_run(folder, loaded, arms=arms, steps=steps, rho=rho, progress=display.judging)
    if quiet:
        echo_json(_as_data(found))
    else:
        _print(found, steps, rho)


def _print(found: RelaxedRun, steps: int, rho: float) -> None:
    from rich.console import Console

    from scoutlang.validation.table import render_table

    console = Console()
    console.print("as sampled", style="bold")
    console.print(render_table(found.before))
    console.print(
        f"\nrelaxed: at most {steps} steps of E/n + (ρ/2) ℓ², ρ = {rho:g} eV/atom",
        style="bold",
        highlight=False,
    )
    console.print(render_table(found.after, found.files, geometry="relaxed"))
    for arm, some in found.structures.items():
        for line in _told(list(some.values())):
            console.print(f"{arm}: {line}", highlight=False)


def _told(structures: Sequence[Relaxed]) -> list[str]:
    """What the relaxation did to the structures of an arm, and why some ended early."""
    treated = [
        (one.energy_after - one.energy_before, one.loss_before, one.loss_after)
        for one in structures
        if one.energy_before is not None
        and one.energy_after is not None
        and one.loss_before is not None
        and one.loss_after is not None
    ]
    lines = []
    if treated:
        change, before, after = map(fmean, zip(*treated, strict=True))
        converged = sum(one.converged for one in structures)
        lines.append(
            f"energy {change:+.3f} eV/atom on average, loss {before:.2f} → {after:.2f}; "
            f"{converged} of {len(structures)} converged"
        )
    reasons = Counter(one.reason for one in structures if one.reason)
    return [*lines, *(f"{count} ended early: {reason}" for reason, count in reasons.most_common())]


def _as_data(found: RelaxedRun) -> dict[str, Any]:
    from scoutlang.runs.relax import as_line

    structures = {
        arm: [
            {key: value for key, value in as_line(index, one).items() if key != "structure"}
            for index, one in some.items()
        ]
        for arm, some in found.structures.items()
    }
    return {
        "folder": str(found.folder),
        "files": [str(f) for f in found.files],
        "as_sampled": found.before.to_json(),
        "relaxed": found.after.to_json(),
        "structures": structures,
    }
