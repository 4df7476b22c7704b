"""``python -m tools.recording`` types, records and draws, in about five minutes; with ``--draw`` it
only draws what was recorded.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import click

from tools.recording.animation import drawn
from tools.recording.cast import Cast, dump, load
from tools.recording.script import inputs
from tools.recording.typist import COLUMNS, LINES, TERM, Typist

HERE = Path(__file__).parent
SCRIPT, CAST, DRAWING = HERE / "session.txt", HERE / "session.cast", HERE / "session.svg"


def record() -> Cast:
    """A session in a folder of its own, which has the examples of the repository."""
    begin = int(time.time())
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "examples").symlink_to(HERE.parents[1] / "examples")
        typist = Typist(Path(folder))
        typist.play(list(inputs(SCRIPT.read_text(encoding="utf-8"))))
    header = {
        "version": 2,
        "width": COLUMNS,
        "height": LINES,
        "timestamp": begin,
        "command": "scout",
        "title": f"The REPL of scoutlang on a machine with {os.cpu_count()} cores",
        "env": {"TERM": TERM},
    }
    return Cast(header, tuple(typist.events))


@click.command()
@click.option("--draw", is_flag=True, help="Only draw what was recorded.")
def main(draw: bool) -> None:
    """Record the session that the README shows, and draw it."""
    if not draw:
        CAST.write_text(dump(record()), encoding="utf-8")
    DRAWING.write_text(drawn(load(CAST.read_text(encoding="utf-8"))), encoding="utf-8")
    for file in (CAST, DRAWING):
        click.echo(f"{file.name}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
