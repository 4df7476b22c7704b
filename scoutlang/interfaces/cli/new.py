"""`scout new`: begin with a hypothesis of the cookbook."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import click

from scoutlang.interfaces.cli._program_argument import FILE, choice_of_format, echo_json
from scoutlang.interfaces.cookbook import Compound, Recipe, compounds, page, recipes
from scoutlang.language.diagnostics.suggest import did_you_mean, quoted
from scoutlang.support.errors import ScoutError
from scoutlang.support.shown import shown

_WIDTH = 100


@click.command("new")
@click.argument("name", required=False)
@click.argument("file", required=False, type=FILE)
@click.option(
    "--cif",
    "with_cif",
    is_flag=True,
    help="Write the compound of which it holds and the near miss beside it, as CIF.",
)
@click.option("--force", is_flag=True, help="Write over files that are there.")
@click.option(
    "--search",
    metavar="TEXT",
    help="List only what has these words in its name, text or compounds, or these elements.",
)
@choice_of_format("text", "markdown", "json")
def command(
    name: str | None,
    file: Path | None,
    with_cif: bool,
    force: bool,
    search: str | None,
    output_format: str,
) -> None:
    """List the hypotheses of the cookbook, or copy one to begin with.

    NAME is copied to FILE, NAME.scout if none is given. Nothing is written over without --force.
    `--format markdown` prints docs/cookbook.md.
    """
    if name is not None and search is not None:
        raise click.UsageError("give NAME to copy one, or --search TEXT to list some")
    if name is None and (with_cif or force):
        raise click.UsageError("--cif and --force belong to NAME; `scout new` lists the names")
    if name is not None:
        if output_format == "markdown":
            raise click.UsageError("the Markdown page is of all: leave out NAME")
        _copy(_named(name.removesuffix(".scout")), file, output_format, cif=with_cif, force=force)
        return
    found = [one for one in recipes().values() if search is None or one.says(search)]
    if not found:
        raise ScoutError(
            "E482",
            f"nothing in the cookbook says {quoted(search or '')}",
            "`scout new` lists all of it",
        )
    if output_format == "json":
        echo_json([_as_data(one) for one in found])
    elif output_format == "markdown":
        click.echo(page(found), nl=False)
    else:
        _list(found)


def _named(name: str) -> Recipe:
    known = recipes()
    if name not in known:
        similar = [one.name for one in known.values() if one.says(name)]
        search = f"`scout new --search {shlex.quote(shown(name))}` lists {len(similar)}"
        hint = f"{did_you_mean(name, known)} {search if similar else ''}".strip()
        raise ScoutError(
            "E482",
            f"the cookbook has no {quoted(name)}",
            hint or "`scout new` lists what it has, `scout new --search TEXT` some of it",
        )
    return known[name]


def _list(found: Sequence[Recipe]) -> None:
    known = compounds()
    for theme, members in groupby(found, key=lambda one: one.theme):
        click.secho(theme, bold=True)
        for one in members:
            click.echo(f"  {one.name}  ({known[one.hit].formula})")
            click.echo(
                textwrap.fill(
                    one.sentence,
                    _WIDTH,
                    initial_indent="      ",
                    subsequent_indent="      ",
                    break_on_hyphens=False,
                )
            )
        click.echo()
    every = len(recipes())
    number = f"{every} hypotheses" if len(found) == every else f"{len(found)} of {every} hypotheses"
    click.echo(
        f"{number}. `scout new NAME --cif` copies one, and the crystals to measure with it;\n"
        "`scout new --search TEXT` lists some."
    )


def _copy(one: Recipe, file: Path | None, output_format: str, *, cif: bool, force: bool) -> None:
    target = file or Path(f"{one.name}.scout")
    if target.suffix != ".scout":
        raise click.UsageError(f"a program ends with .scout: {target}.scout")
    known = compounds()
    contents = {target: one.path.read_text(encoding="utf-8")}
    for companion in one.companions:
        contents[target.with_name(companion.name)] = companion.read_text(encoding="utf-8")
    crystals = [known[one.hit], known[one.near_miss]] if cif else []
    for crystal in crystals:
        contents[_cif_beside(target, crystal)] = crystal.cif()
    _write(contents, force=force)
    if output_format == "json":
        echo_json({**_as_data(one), "written": [str(path) for path in contents]})
        return
    hit, near_miss = known[one.hit], known[one.near_miss]
    for path in contents:
        click.echo(f"wrote {path}")
    structures = " ".join(_shell(_cif_beside(target, crystal)) for crystal in crystals)
    said = (
        f"{one.title}: it holds of {hit.formula} ({hit.what}),"
        f" and {near_miss.formula} ({near_miss.what}) fails `{one.fails}`: {one.reason}."
    )
    click.echo(f"\n{textwrap.fill(said, _WIDTH, break_on_hyphens=False)}\n\nNext:")
    for line, why in (
        (f"scout check {_shell(target)}", "what it means"),
        (f"scout measure {_shell(target)} {structures or 'YOUR.cif'}", "whether a crystal is one"),
        (f"scout run {_shell(target)} --count 8", "a first try: eight structures in each arm"),
    ):
        click.echo(f"  {line}\n      {why}")
    if not cif:
        again = f"scout new {one.name}" + (f" {_shell(file)}" if file else "")
        click.echo(
            f"\n`{again} --cif` writes {one.hit}.cif and {one.near_miss}.cif to measure, too."
        )


def _cif_beside(target: Path, crystal: Compound) -> Path:
    return target.with_name(f"{crystal.name}.cif")


def _shell(path: Path) -> str:
    return shlex.quote(str(path))


def _write(contents: dict[Path, str], *, force: bool) -> None:
    """All of the files, or none where one with other contents is in the way. Raises ScoutError:
    E481 one is there, E483 the disk refuses.
    """
    there = [path for path, text in contents.items() if _differs(path, text)]
    if there and not force:
        raise ScoutError(
            "E481",
            f"{', '.join(map(str, there))} {'exists' if len(there) == 1 else 'exist'}",
            "name another FILE, or say --force to write over",
        )
    for path, text in contents.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ScoutError(
                "E483",
                f"cannot write {path}: {error.strerror or error}",
                "choose another FILE, in a folder that may be written",
            ) from error


def _differs(path: Path, text: str) -> bool:
    """Whether something else than this text is there."""
    if not (path.exists() or path.is_symlink()):
        return False
    return not path.is_file() or path.read_bytes() != text.encode()


def _as_data(one: Recipe) -> dict[str, object]:
    known = compounds()
    return {
        "name": one.name,
        "title": one.title,
        "theme": one.theme,
        "chemistry": one.chemistry,
        "hit": {"name": one.hit, "formula": known[one.hit].formula, "what": known[one.hit].what},
        "near_miss": {
            "name": one.near_miss,
            "formula": known[one.near_miss].formula,
            "what": known[one.near_miss].what,
            "fails": one.fails,
            "reason": one.reason,
        },
        "source": one.source,
        "path": str(one.path),
    }
