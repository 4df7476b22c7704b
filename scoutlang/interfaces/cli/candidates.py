"""`scout candidates`: the crystals of a run that are worth a calculation, and files for the next
step.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scoutlang.interfaces.cli._judge_options import afresh_option, judge_options
from scoutlang.interfaces.cli._program_argument import (
    FOLDER,
    PATH,
    choice_of_format,
    color_option,
)
from scoutlang.support.shown import say

if TYPE_CHECKING:
    from scoutlang.report.handover import Inputs


_INPUTS: tuple[Inputs, ...] = ("vasp", "qe")


def _inputs(context: click.Context, option: click.Parameter, given: str) -> tuple[Inputs, ...]:
    words = [word.strip().lower() for word in given.split(",") if word.strip()]
    if strange := [word for word in words if word not in _INPUTS]:
        raise click.BadParameter(
            f"inputs are {' and '.join(_INPUTS)}, not {strange[0]}", context, option
        )
    return tuple(one for one in _INPUTS if one in words)


@click.command("candidates")
@click.argument("folder", type=PATH, metavar="RUN_FOLDER")
@click.option("--top", type=click.IntRange(min=1), help="At most so many, the best ones.")
@choice_of_format("text", "json", "csv")
@click.option(
    "--export",
    "target",
    type=FOLDER,
    metavar="DIR",
    help="Write CIF and POSCAR of each, relaxed and symmetrised.",
)
@click.option(
    "--inputs",
    default="",
    callback=_inputs,
    metavar="vasp,qe",
    help="With --export: inputs for VASP (Materials Project settings, without POTCAR) or Quantum "
    "ESPRESSO, too.",
)
@judge_options
@afresh_option
@color_option
def command(
    folder: Path,
    top: int | None,
    output_format: str,
    target: Path | None,
    inputs: tuple[Inputs, ...],
    **judges: Any,
) -> None:
    """The crystals of a run that are unique, near the hull, original and hits, best first.

    `scout run` ends with the first ten of them. Each is shown in the geometry in which it is a
    candidate: relaxed by the energy alone where it is one by itself, with the constraint where it
    needs that. docs/candidates.md says what each column is.
    """
    from scoutlang.interfaces.display import judge_shown
    from scoutlang.report.handover import hand_over
    from scoutlang.report.shortlist import as_csv, as_json, render, shortlist
    from scoutlang.support.screen import Screen

    if inputs and target is None:
        raise click.UsageError("--inputs are written with --export DIR")
    judged = judge_shown(folder, quiet=output_format != "text", write=False, **judges)
    found = shortlist(judged)[:top]
    if output_format == "text":
        Screen().print(render(judged, found, len(found)))
    else:
        say({"json": as_json, "csv": as_csv}[output_format](found), nl=False, exact=True)
    if target is not None:
        folders = hand_over(found, target, inputs)
        say(f"{len(folders)} candidates in {target}", err=output_format != "text")
