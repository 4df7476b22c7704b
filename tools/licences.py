"""The licences of what scoutlang needs, as their packages state them: `python -m tools.licences`
writes docs/third-party.md from the environment that it runs in. `--extra NAME` adds an extra.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import click
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PAGE = Path(__file__).parents[1] / "docs" / "third-party.md"
_LONGEST = 60
"""Characters of a licence: some packages give the whole text in the field for its name."""


def needed(package: str, extras: Iterable[str] = ()) -> Iterator[str]:
    """Names of all that a package needs here, directly or not, as far as it is installed; each
    once.
    """
    todo = [(package, extra) for extra in ("", *extras)]
    seen = set(todo)
    named = {canonicalize_name(package)}
    while todo:
        of, extra = todo.pop()
        try:
            asked = [Requirement(text) for text in requires(of) or []]
        except PackageNotFoundError:
            continue
        for one in asked:
            if one.marker is not None and not one.marker.evaluate({"extra": extra}):
                continue
            name = canonicalize_name(one.name)
            if name not in named:
                named.add(name)
                yield name
            new = {(name, more) for more in ("", *one.extras)} - seen
            seen |= new
            todo += new


def rows(names: Iterable[str]) -> list[dict[str, str]]:
    """Name, version, licence and address of each that is installed, by pip-licenses."""
    found = subprocess.run(
        [
            sys.executable,
            "-m",
            "piplicenses",
            "--format=json",
            "--from=mixed",
            "--with-urls",
            "--packages",
            *names,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    listed: list[dict[str, str]] = json.loads(found.stdout)
    return sorted(listed, key=lambda row: row["Name"].lower())


def page(found: Iterable[dict[str, str]]) -> str:
    head = [
        "# Third-party licences",
        "",
        "What `pip install scoutlang` and mattergen bring on Linux, as the packages state it; made "
        "by `make licences` of pip-licenses. Their code is not in this repository. Data: "
        "`scoutlang/validation/reference/data/README.md`; weights: "
        "[model-card-mini.md](model-card-mini.md); potentials: [potentials.md](potentials.md).",
        "",
        "| package | version | licence |",
        "|---|---|---|",
    ]
    for row in found:
        first = (row["License"].strip() or "not stated").splitlines()[0]
        said = first if len(first) <= _LONGEST else first[:_LONGEST] + "…"
        url = row["URL"] if row["URL"].startswith("http") else ""
        name = f"[{row['Name']}]({url})" if url else row["Name"]
        head.append(f"| {name} | {row['Version']} | {said.replace('|', '/')} |")
    return "\n".join(head) + "\n"


@click.command()
@click.option("--extra", "extras", multiple=True, help="An extra of scoutlang as well.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=PAGE)
def main(extras: tuple[str, ...], out: Path) -> None:
    """Write the page of third-party licences."""
    names = [*needed("scoutlang", extras), "mattergen"]
    found = rows(names)
    out.write_text(page(found), encoding="utf-8")
    click.echo(f"{len(found)} packages in {out}")


if __name__ == "__main__":
    main()
