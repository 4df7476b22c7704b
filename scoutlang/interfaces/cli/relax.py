"""`scout relax`: the relaxation of a run by itself, where the run had none or other settings are
tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, get_args

import click

from scoutlang.interfaces.cli._judge_options import (
    arms_option,
    confirm_option,
    judge_options,
    where_options,
    working,
)
from scoutlang.interfaces.cli._program_argument import (
    PATH,
    color_option,
    echo_json,
    format_option,
    on_interruption,
)
from scoutlang.ir import ARMS, SAMPLED, Arm, Relax
from scoutlang.ir.nodes import By, Chosen

if TYPE_CHECKING:
    from scoutlang.runs.relaxed import Relaxation


@click.command("relax")
@click.argument("folder", type=PATH, metavar="RUN_FOLDER")
@click.option(
    "--which",
    type=click.Choice([word for word in get_args(Chosen) if word != "off"]),
    help="The structures that are relaxed.",
)
@click.option("--by", type=click.Choice(get_args(By)), help="What is followed downhill.")
@click.option(
    "--rho", type=click.FloatRange(0, 1e6), help="ρ in eV/atom; 0 relaxes without the constraint."
)
@click.option("--steps", type=click.IntRange(1, 10_000), help="Steps of the optimiser, at most.")
@arms_option("--arm")
@judge_options
@confirm_option
@where_options
@format_option
@color_option
def command(
    folder: Path,
    arms: tuple[Arm, ...],
    confirm: tuple[str, ...],
    potential: str | None,
    reference: str | None,
    workers: int | None,
    site: Path | None,
    output_format: str,
    **options: Any,
) -> None:
    """Relax the structures of a finished run, and judge them again.

    `scout run` does this by itself, as the `relax` line of its program says; here it is done where
    that was `off`, or with other settings (--which, --by, --rho, --steps). Minimises E/n + (ρ/2) ℓ²
    over sites and cell: the energy by a potential, and the loss ℓ of the program, so that a
    structure keeps what was asked for unless that costs much energy. Both arms are treated alike.
    The structures as sampled stay as they are; relaxed ones, their records and the summary go into
    RUN_FOLDER/relaxed. When interrupted, run it again with the same options: it goes on where it
    was.
    """
    from scoutlang.interfaces.display import Display
    from scoutlang.interfaces.patience import patiently
    from scoutlang.report.shortlist import render, shortlist
    from scoutlang.runs.judge import judge
    from scoutlang.runs.relax import relax
    from scoutlang.support.screen import Screen

    quiet = output_format == "json"
    interrupted = (
        f"interrupted; what is relaxed is kept in {folder / 'relaxed'}\n"
        "  continue with the same command"
    )
    given = {name: value for name, value in options.items() if value is not None}
    with (
        on_interruption(interrupted),
        Display(quiet=quiet) as display,
        patiently(display) as patient,
        working(workers, site) as engine,
    ):
        judged = judge(
            folder,
            potential=potential,
            reference=reference,
            progress=patient.judging,
            note=display.note,
            engine=engine,
        )
        written = judged.run.program.relax
        # asked for here, `off` in the program does not count
        usual = Relax() if written.which == "off" else written
        found = relax(
            judged,
            replace(usual, **given),
            arms=ARMS if arms == SAMPLED else arms,
            confirm=confirm,
            engine=engine,
            progress=patient.judging,
            note=display.note,
            stopping=lambda: patient.stopping,
        )
    if quiet:
        echo_json(found.to_json())
        return
    console = Screen()
    console.print(found.tables())
    console.print(render(found, shortlist(found)))
    for one in found.relaxations:
        for line in _told(one):
            console.print(line, highlight=False, soft_wrap=True)


def _told(relaxation: Relaxation) -> Iterator[str]:
    """What a relaxation did to the structures of each arm, and why some ended early."""
    for arm, some in relaxation.structures.items():
        treated = [
            (one.energy_after - one.energy_before, one.loss_before, one.loss_after)
            for one in some.values()
            if one.energy_before is not None
            and one.energy_after is not None
            and one.loss_before is not None
            and one.loss_after is not None
        ]
        if treated:
            change, before, after = map(fmean, zip(*treated, strict=True))
            converged = sum(one.converged for one in some.values())
            yield (
                f"{relaxation.name}, {arm}: {len(treated)} relaxed, {converged} converged; energy"
                f" {change:+.3f} eV/atom on average, loss {before:.2f} → {after:.2f}"
            )
        reasons = Counter(one.reason for one in some.values() if one.reason)
        yield from (f"  {count}: {reason}" for reason, count in reasons.most_common(5))
