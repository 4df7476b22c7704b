"""`scout status`: how far runs are, whoever works on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scoutlang.interfaces.cli._program_argument import (
    PATH,
    color_option,
    echo_json,
    fail_if_any,
    format_option,
)
from scoutlang.support.errors import ScoutError
from scoutlang.support.shown import say

if TYPE_CHECKING:
    from scoutlang.runs.status import Status


@click.command("status")
@click.argument("folders", nargs=-1, required=True, type=PATH, metavar="FOLDER...")
@format_option
@color_option
def command(folders: tuple[Path, ...], output_format: str) -> None:
    """How far runs are: those in FOLDER, at any depth up to three.

    It looks at the files that are there, so it works from anywhere that sees them while the runs
    are made elsewhere.
    """
    from scoutlang.report.table1 import find_runs
    from scoutlang.runs.status import statuses

    found = statuses(find_runs(folders))
    problems = [one for one in found if isinstance(one, ScoutError)]
    good = [one for one in found if not isinstance(one, ScoutError)]
    if output_format == "json":
        echo_json({"runs": [one.to_json() for one in good]})
    else:
        for one in good:
            for line in _lines(one):
                say(line)
        if len(found) > 1:
            done = sum(one.status == "finished" for one in good)
            say(f"{done} of {len(found)} runs are finished")
    fail_if_any(problems)


def _lines(one: Status) -> list[str]:
    by = f", {one.held_by} is working on it" if one.held_by else ""
    lines = [f"{one.folder}: {one.status}{by}"]
    lines += [f"  {part.name}: {part.done}/{part.total}" for part in one.parts]
    if one.status in ("stopped", "interrupted"):
        lines.append(f"  to go on: scout run --resume --out {one.folder}")
    return lines
