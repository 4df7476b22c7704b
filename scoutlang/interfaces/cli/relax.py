"""`scout relax`: what is left of a run's hits when its structures may relax, with a penalty for
leaving what was asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import click

from scoutlang.interfaces.cli.program_argument import color_option, echo_json, format_option
from scoutlang.ir import Arm

if TYPE_CHECKING:
    from scoutlang.runs.relaxed import Outcome, RelaxedRun


@click.command("relax")
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN_FOLDER")
@click.option(
    "--steps",
    type=click.IntRange(1, 10_000),
    default=30,
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
@click.option(
    "--arm", type=click.Choice(["both", "guided", "non-guided"]), default="both", show_default=True
)
@click.option("--potential", default="chgnet", show_default=True, help="It relaxes and judges.")
@format_option
@color_option
def command(
    folder: Path, steps: int, rho: float, arm: str, potential: str, output_format: str
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
    from scoutlang.runs.relaxed import relax_run

    arms: tuple[Arm, ...] = ("non-guided", "guided") if arm == "both" else (arm,)  # type: ignore[assignment]
    quiet = output_format == "json"
    with Display(quiet=quiet) as display:
        try:
            loaded = load(potential)
            if licence := notice(potential):
                display.note(licence)
            found = relax_run(
                folder, loaded, arms=arms, steps=steps, rho=rho, progress=display.judging
            )
        except KeyboardInterrupt:
            display.close()
            click.echo(
                f"interrupted; what is relaxed is kept in {folder / 'relaxed'}\n  continue with the same command",
                err=True,
            )
            raise
    if quiet:
        echo_json(_as_data(found))
    else:
        _print(found, steps, rho)


def _print(found: RelaxedRun, steps: int, rho: float) -> None:
    from rich.console import Console

    from scoutlang.validation import render_table

    console = Console()
    console.print("as sampled", style="bold")
    console.print(render_table(found.before))
    console.print(
        f"\nrelaxed: at most {steps} steps of E/n + (ρ/2) ℓ², ρ = {rho:g} eV/atom",
        style="bold",
        highlight=False,
    )
    console.print(render_table(found.after, found.files, geometry="relaxed"))
    for arm, outcomes in found.outcomes.items():
        for line in _told(outcomes):
            console.print(f"{arm}: {line}", highlight=False)


def _told(outcomes: Sequence[Outcome]) -> list[str]:
    """What the relaxation did to the structures of an arm, and why some ended early."""
    treated = [
        (o.energy_after - o.energy_before, o.loss_before, o.loss_after)
        for o in outcomes
        if o.energy_before is not None
        and o.energy_after is not None
        and o.loss_before is not None
        and o.loss_after is not None
    ]
    lines = []
    if treated:
        change, before, after = map(fmean, zip(*treated, strict=True))
        converged = sum(o.converged for o in outcomes)
        lines.append(
            f"energy {change:+.3f} eV/atom on average, loss {before:.2f} → {after:.2f}; {converged} of {len(outcomes)} converged"
        )
    reasons = Counter(o.reason for o in outcomes if o.reason)
    return [*lines, *(f"{count} ended early: {reason}" for reason, count in reasons.most_common())]


def _as_data(found: RelaxedRun) -> dict[str, Any]:
    outcomes = {
        arm: [{k: v for k, v in asdict(o).items() if k != "structure"} for o in some]
        for arm, some in found.outcomes.items()
    }
    return {
        "folder": str(found.folder),
        "files": [str(f) for f in found.files],
        "as_sampled": found.before.to_json(),
        "relaxed": found.after.to_json(),
        "structures": outcomes,
    }
