"""What the commands that judge share: by which potential, against which reference, which arms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from scoutlang.ir import SAMPLED

Command = TypeVar("Command", bound=Callable[..., Any])


def judge_options(command: Command) -> Command:
    """``--potential`` and ``--reference``; None where the user says nothing."""
    potential = click.option(
        "--potential",
        metavar="NAME",
        help="It gives the energies (`scout potentials`; default: chgnet, or as before).",
    )
    reference = click.option(
        "--reference",
        metavar="NAME",
        help="Known crystals, several with + (`scout reference`; default: mp-mini, or as before).",
    )
    return potential(reference(command))


confirm_option = click.option(
    "--confirm",
    metavar="NAME",
    multiple=True,
    help="A potential that relaxes the candidates once more and judges them, too.",
)
"""Several times for several potentials."""


workers_option = click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Processes (default: one for each core, where there is enough to do). The numbers do not "
    "depend on it.",
)


def arms_option(name: str) -> Callable[[Command], Command]:
    """One arm or both under that name; a command gets a tuple, ``arms``."""
    return click.option(
        name,
        "arms",
        type=click.Choice(["both", "guided", "non-guided"]),
        default="both",
        show_default=True,
        callback=lambda context, option, given: SAMPLED if given == "both" else (given,),
    )
