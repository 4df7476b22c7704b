"""Do the bounds of pyproject.toml hold? `python -m tools.bounds [lowest|newest]...` makes a fresh
environment with the lowest or the newest versions that they allow, by uv, and runs the fast tests
in it. torch is the build that is pinned for the tests (`--torch`), because each costs gigabytes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from scoutlang.support.version import MATTERGEN

ROOT = Path(__file__).parents[1]
RESOLUTIONS = {"lowest": "lowest-direct", "newest": "highest"}


def install(folder: Path, end: str, torch: str) -> Path:
    """An environment with scoutlang and its tests at one end of the bounds; its Python."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = ["uv", "pip", "install", "--quiet", "--python", str(python)]
    _do(["uv", "venv", "--quiet", "--python", sys.executable, str(folder)])
    _do([*pip, torch])
    _do([*pip, "--resolution", RESOLUTIONS[end], "-e", ".[dev,chgnet]", torch])
    _do([*pip, "--no-deps", f"mattergen=={MATTERGEN}"])
    return python


def _do(command: list[str]) -> None:
    click.echo(" ".join(command))
    subprocess.run(command, cwd=ROOT, check=True)


@click.command()
@click.argument("ends", nargs=-1, type=click.Choice(list(RESOLUTIONS)))
@click.option("--torch", default="torch==2.13.0", show_default=True, help="A version or a wheel.")
@click.option("--tests", default="not slow", show_default=True, help="As pytest's -m takes it.")
def main(ends: tuple[str, ...], torch: str, tests: str) -> None:
    """Run the fast tests with the lowest and with the newest versions."""
    failed = []
    for end in ends or RESOLUTIONS:
        with tempfile.TemporaryDirectory() as scratch:
            try:
                python = install(Path(scratch) / "venv", end, torch)
            except subprocess.CalledProcessError as error:
                failed.append(f"{end}: cannot be installed ({error.returncode})")
                continue
            run = [str(python), "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal"]
            done = subprocess.run(
                [*run, "-m", tests],
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                check=False,
            )
            if done.returncode:
                failed.append(f"{end}: tests fail ({done.returncode})")
    if failed:
        raise click.ClickException("; ".join(failed))


if __name__ == "__main__":
    main()
