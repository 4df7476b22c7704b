"""Is this tree ready to be released? `python -m tools.release` checks what a release needs and
builds its files into dist/. It publishes nothing: the last lines say what is left to do by hand.

To add a check, write a function that says what is wrong, and name it in `CHECKS`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import yaml

from scoutlang.support.version import MATTERGEN, __version__

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
STARTS = ("check", "measure", "run", "report")
"""Commands of an installed wheel that must work in an empty environment."""


def _run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """What a command says. Raises click.ClickException with it, if it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()[-20:]
        raise click.ClickException("\n".join([" ".join(map(str, command)), *said]))
    return done.stdout


def clean_tree() -> str:
    """Nothing that is not committed."""
    changed = _run("git", "status", "--porcelain").splitlines()
    return f"{len(changed)} files are not committed: {changed[0]}" if changed else ""


def versions() -> str:
    """One version in the code, in pyproject.toml, CITATION.cff and the changelog."""
    project = re.search(r'^version = "(.+)"', _text("pyproject.toml"), re.MULTILINE)
    cited = yaml.safe_load(_text("CITATION.cff"))["version"]
    heading = re.search(r"^## \[(\d.*?)\] - \d{4}-\d\d-\d\d$", _text("CHANGELOG.md"), re.MULTILINE)
    said = {
        "pyproject.toml": project[1] if project else "",
        "CITATION.cff": str(cited),
        "CHANGELOG.md": heading[1] if heading else "no heading with version and date",
    }
    wrong = {file: found for file, found in said.items() if found != __version__}
    return "; ".join(f"{file}: {found}, not {__version__}" for file, found in wrong.items())


def citation() -> str:
    """CITATION.cff is valid."""
    uv = (sys.executable, "-m", "uv", "tool", "run")  # its bounds do not go with ours
    _run(*uv, "cffconvert", "--validate", "-i", ROOT / "CITATION.cff")
    return ""


def lint() -> str:
    """Formatter, linter, types, import direction."""
    _run("make", "lint")
    return ""


def lock() -> str:
    """uv.lock is that of pyproject.toml."""
    _run(sys.executable, "-m", "uv", "lock", "--check", "--offline")
    return ""


def site() -> str:
    """The documentation builds without a warning."""
    _run("make", "site")
    return ""


def build() -> str:
    """Wheel and source archive: the same bytes twice, and metadata that PyPI takes."""
    digests = []
    for _ in range(2):
        shutil.rmtree(DIST, ignore_errors=True)
        _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", DIST)
        digests.append({f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in DIST.iterdir()})
    if digests[0] != digests[1]:
        return f"two builds differ: {digests[0]}, {digests[1]}"
    _run(sys.executable, "-m", "twine", "check", "--strict", *DIST.iterdir())
    return ""


def wheel() -> str:
    """The wheel works in an environment of its own: check, measure, run of eight, report."""
    [built] = DIST.glob("*.whl")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _run(sys.executable, "-m", "venv", folder / "venv")
        bin = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        pip = [bin / "python", "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt"]
        _run(*pip, "torch")
        _run(*pip, built)
        _run(*pip, "--no-deps", f"mattergen=={MATTERGEN}")
        program = folder / "pairs.scout"
        shutil.copy(ROOT / "examples" / "copper_pairs.scout", program)
        crystals = ROOT / "examples" / "structures"
        own = {"SCOUT_CACHE": str(folder / "cache"), "SCOUT_DATA": str(folder / "data")}
        arguments: dict[str, tuple[str | Path, ...]] = {
            "check": (program,),
            "measure": (program, crystals),
            "run": (program, "--count", "8", "--steps", "16", "--out", "run"),
            "report": ("run",),
        }
        for name in STARTS:
            _run(bin / "scout", name, *arguments[name], cwd=folder, **own)
    return ""


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


CHECKS: tuple[Callable[[], str], ...] = (
    clean_tree,
    versions,
    citation,
    lint,
    lock,
    site,
    build,
    wheel,
)
"""In this order; each says what is wrong, empty if nothing is."""


@click.command()
@click.option("--only", multiple=True, help="These checks.")
def main(only: tuple[str, ...]) -> None:
    """Check that this tree can be released, and build its files into dist/."""
    failed = False
    for check in CHECKS:
        if only and check.__name__ not in only:
            continue
        try:
            wrong = check()
        except click.ClickException as error:
            wrong = error.message
        failed |= bool(wrong)
        first = (check.__doc__ or "").strip().splitlines()[0]
        click.echo(f"{'✗' if wrong else '✓'} {check.__name__}: {wrong or first}")
    if failed:
        raise click.exceptions.Exit(1)
    click.echo(
        "by hand: `make test` on a clean clone; git tag; twine upload dist/*; the site; "
        "the release notes from CHANGELOG.md"
    )


if __name__ == "__main__":
    main()
