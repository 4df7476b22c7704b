"""What the commands that judge share: a run, or structures from elsewhere, which become one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scoutlang.interfaces.cli._program_argument import PATH, checked, load
from scoutlang.ir import Arm, Program
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import followed
from scoutlang.support.shown import say

if TYPE_CHECKING:
    from scoutlang.crystals.specimen import Specimen
    from scoutlang.runs.folder import RunFolder

_NOTHING = ("E201", "E205", "E207")  # no such path, not a structure file, none in it


ordered_option = click.option(
    "--ordered",
    is_flag=True,
    help="For a disordered structure, take the ordered ones that are near it (by pymatgen).",
)


def run_or_structures(option: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The argument of a run, or of structures with the hypothesis, the non-guided arm and, by that
    option, the folder of the new run. A command gets ``run``, a `RunFolder`.
    """

    def enter(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def opened(
            source: Path,
            file: str | None,
            baseline: Path | None,
            run_folder: Path | None,
            ordered: bool,
            output_format: str,
            **others: Any,
        ) -> None:
            run = _open(source, file, baseline, run_folder, option, ordered, output_format)
            command(run=run, output_format=output_format, **others)

        for parameter in (
            ordered_option,
            click.option(
                option,
                "run_folder",
                type=PATH,
                help="Folder of the new run, for structures (default: runs/NAME).",
            ),
            click.option(
                "--non-guided",
                "baseline",
                type=PATH,
                metavar="STRUCTURES",
                help="Structures of the non-guided arm.",
            ),
            click.option(
                "--program",
                "file",
                metavar="FILE",
                help="The hypothesis, for structures (default: the one .scout file beside them).",
            ),
            click.argument("source", type=PATH, metavar="RUN_OR_STRUCTURES"),
        ):
            opened = parameter(opened)
        return opened

    return enter


def _open(
    source: Path,
    file: str | None,
    baseline: Path | None,
    folder: Path | None,
    option: str,
    ordered: bool,
    output_format: str,
) -> RunFolder:
    """The run in a folder, or a new one of structures from elsewhere, in ``folder`` or runs/NAME.
    option: by which a user names that folder.

    The program comes first: errors in it must not wait for thousands of files. Raises ScoutError as
    `RunFolder.open` and `scoutlang.runs.judge.adopt`.
    """
    from scoutlang.runs.folder import RunFolder
    from scoutlang.runs.judge import adopt
    from scoutlang.runs.manifest import MANIFEST

    if (source / MANIFEST).is_file():
        if file or baseline or folder or ordered:
            raise click.UsageError(
                f"--program, --non-guided, --ordered and {option} are for structures;"
                " a run has its own"
            )
        return RunFolder.open(source)
    if not source.exists():
        raise ScoutError(
            "E610",
            f"{source} is not there",
            "give the folder of a run, or structures: a file or a folder of them",
        )
    program = _program(source, file, output_format)
    arms: dict[Arm, Path] = {"guided": source}
    if baseline is not None:
        arms["non-guided"] = baseline
    target = folder or Path("runs") / followed(source).stem
    try:
        return adopt(
            program, {arm: _structures(path, ordered) for arm, path in arms.items()}, target
        )
    except ScoutError as error:
        if error.code != "E601":
            raise
        error.hint = (
            f"give {target} itself if it is the run of these structures, or another folder with "
            f"{option}"
        )
        raise


def _program(source: Path, file: str | None, output_format: str) -> Program:
    if file is None:
        folder = source if source.is_dir() else source.parent
        beside = sorted(folder.glob("*.scout"))
        if len(beside) != 1:
            which = f"which hypothesis? {folder} holds {len(beside) or 'no'} .scout files"
            raise click.UsageError(
                f"{source} is no run; for structures: {which}; give one with --program FILE"
            )
        file = str(beside[0])
    return checked(load(file, None, output_format), output_format)


def say_unread(path: Path) -> None:
    """What is passed over in a folder or an archive, on the error output."""
    from scoutlang.crystals.io import unread

    if ignored := unread(path):
        names = ", ".join(ignored[:3]) + (", …" if len(ignored) > 3 else "")
        say(
            f"not read in {path}: {len(ignored)} folders, files of other kinds or copies ({names})",
            err=True,
        )


def _structures(path: Path, ordered: bool) -> list[Specimen | ScoutError]:
    """Every structure, and the error of each that cannot be used. Raises ScoutError where there is
    nothing to read at all.
    """
    from scoutlang.crystals.io import read_structures

    say_unread(path)
    found = list(read_structures(path, ordered=ordered))
    if len(found) == 1 and isinstance(found[0], ScoutError) and found[0].code in _NOTHING:
        raise found[0]
    return found
