"""`scout validate`: judge a run again, or structures that something else has made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scoutlang.cli.judge_options import judge_options
from scoutlang.cli.program_argument import checked, color_option, echo_json, format_option, load
from scoutlang.errors import ScoutError
from scoutlang.ir import Arm, Program

if TYPE_CHECKING:
    from scoutlang.run_folder import RunFolder
    from scoutlang.structure_io import NamedStructure

_MATTERGEN = "generated_crystals.extxyz"
_NOTHING = ("E201", "E205", "E207")  # no such path, not a structure file, none in it


@click.command("validate")
@click.argument("source", type=click.Path(path_type=Path), metavar="RUN_OR_STRUCTURES")
@click.option("--program", "file", metavar="FILE", help="The hypothesis, for structures (default: the one .scout file beside them).")
@click.option("--non-guided", "baseline", type=click.Path(path_type=Path), metavar="STRUCTURES", help="Structures of the non-guided arm.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the new run, for structures (default: runs/NAME).")
@judge_options
@format_option
@color_option
def command(
    source: Path,
    file: str | None,
    baseline: Path | None,
    out: Path | None,
    potential: str | None,
    reference: str | None,
    output_format: str,
) -> None:
    """Judge structures: hits, uniqueness, energy above the hull, novelty, SCOUT.

    RUN_OR_STRUCTURES is the folder of a run, finished or not; or structures from elsewhere: a folder of CIF files, an extxyz file, the folder
    that MatterGen wrote. Those become a run folder of their own, with --non-guided as the arm to compare with. What was judged before is not
    judged again, so an interrupted validation goes on where it was.
    """
    from scoutlang.cli.run_display import Display
    from scoutlang.judged_runs import judge
    from scoutlang.run_folder import MANIFEST, RunFolder

    if (source / MANIFEST).is_file():
        if file or baseline or out:
            raise click.UsageError("--program, --non-guided and --out are for structures; a run has its own")
        run = RunFolder.open(source)
    else:
        run = _adopted(source, file, baseline, out or Path("runs") / source.resolve().stem, output_format)
    quiet = output_format == "json"
    with Display(quiet=quiet) as display:
        try:
            found = judge(run, potential=potential, reference=reference, progress=display.judging, note=display.note)
        except KeyboardInterrupt:
            display.close()
            click.echo(f"interrupted; what is judged is kept\n  continue: scout validate {run.path}", err=True)
            raise
    if quiet:
        echo_json(found.to_json())
    else:
        display.table(found)


def _adopted(source: Path, file: str | None, baseline: Path | None, out: Path, output_format: str) -> RunFolder:
    """A new run folder of structures from elsewhere. The program first: errors in it must not wait for thousands of files."""
    from scoutlang.judged_runs import adopt

    program = _program(source, file, output_format)
    arms: dict[Arm, Path] = {"guided": source}
    if baseline is not None:
        arms["non-guided"] = baseline
    return adopt(program, {arm: _structures(path) for arm, path in arms.items()}, out)


def _program(source: Path, file: str | None, output_format: str) -> Program:
    if file is None:
        folder = source if source.is_dir() else source.parent
        beside = sorted(folder.glob("*.scout"))
        if len(beside) != 1:
            raise click.UsageError(f"which hypothesis? {folder} holds {len(beside) or 'no'} .scout files; give one with --program FILE")
        file = str(beside[0])
    return checked(load(file, None, output_format), output_format)


def _structures(path: Path) -> list[NamedStructure | ScoutError]:
    """Every structure, and the error of each that cannot be used. Raises ScoutError where there is nothing to read at all."""
    from scoutlang.structure_io import read_structures, unread

    if path.is_dir() and (ignored := unread(path)):
        names = ", ".join(p.name for p in ignored[:3]) + (", …" if len(ignored) > 3 else "")
        click.echo(f"not read in {path}: {len(ignored)} folders or files of other kinds ({names})", err=True)
    inside = path / _MATTERGEN  # MatterGen writes the same structures as CIF files beside it
    found = list(read_structures(inside if inside.is_file() else path))
    if len(found) == 1 and isinstance(found[0], ScoutError) and found[0].code in _NOTHING:
        raise found[0]
    return found
