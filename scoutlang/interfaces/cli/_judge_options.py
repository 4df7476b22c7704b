"""What the commands that judge share: by which potential, against which reference, which arms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scoutlang.ir import SAMPLED

if TYPE_CHECKING:
    from scoutlang.support.engines import Engine

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


afresh_option = click.option(
    "--afresh",
    is_flag=True,
    help="Judge everything anew, whatever was found before.",
)


confirm_option = click.option(
    "--confirm",
    metavar="NAME",
    multiple=True,
    help="A potential that relaxes the candidates once more and judges them, too.",
)
"""Several times for several potentials."""


def where_options(command: Command) -> Command:
    """``--workers`` and ``--site``: where the work is done, for `working`."""
    workers = click.option(
        "--workers",
        type=click.IntRange(1, 1024),
        metavar="N",
        help="Processes (default: one for each core, where there is enough to do). The numbers do "
        "not depend on it.",
    )
    site = click.option(
        "--site",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="TOML",
        help="Work on the cluster that this file describes (docs/scaling.md).",
    )
    return workers(site(command))


@contextmanager
def working(workers: int | None, site: Path | None) -> Iterator[Engine]:
    """Where the work is done, until the end of the block."""
    from scoutlang.support.engines.processes import opened

    if site is None:
        with opened(None, workers) as engine:
            yield engine
        return
    if workers is not None:
        raise click.UsageError("--workers counts those of this machine, and --site has its own")
    from scoutlang.support.engines.cluster import Cluster
    from scoutlang.support.engines.site import read_site

    with closing(Cluster(read_site(site))) as cluster:
        yield cluster


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
