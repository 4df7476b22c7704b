"""What the commands that judge share: by which potential, against which reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def judge_options(command: Callable[..., Any]) -> Callable[..., Any]:
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
