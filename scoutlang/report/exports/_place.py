"""The place of an export: it is there whole or not at all, and nothing is lost that was there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scoutlang.runs.folder import writing
from scoutlang.support.errors import ScoutError


def check_free(target: Path, *, overwrite: bool, hint: str) -> None:
    """Raises ScoutError E622 where something is at ``target`` that is no empty folder, unless it
    may be overwritten; and where it is the working folder, which cannot be put out of its place
    under whoever is in it.
    """
    if target.is_dir() and os.path.samefile(target, os.curdir):
        raise _kept(target, "is the folder that you are in", "name a folder in it with --out")
    there = target.exists() or target.is_symlink()
    empty = target.is_dir() and not target.is_symlink() and not any(target.iterdir())
    if there and not empty and not overwrite:
        raise ScoutError("E622", f"{target} exists already", hint)


@contextmanager
def placed(target: Path, *, overwrite: bool, hint: str) -> Iterator[Path]:
    """Gives a path where a file or a folder is to be made, which is then moved to ``target``; where
    the block fails, nothing is left of it. An empty folder may be at ``target``, and with
    ``overwrite`` an earlier export: a file where a file is made, a folder whose entries all have
    the names of new ones.

    Raises ScoutError: E622 something else is there, E602 it cannot be written.
    """
    check_free(target, overwrite=overwrite, hint=hint)
    with writing(target, hint):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as made:
            work = Path(made) / "whole"
            yield work
            if target.is_dir() and not target.is_symlink():
                _may_go(target, work, hint)
                old = Path(made) / "before"
                os.replace(target, old)
                try:
                    os.replace(work, target)
                except OSError:
                    os.replace(old, target)
                    raise
            elif work.is_dir():
                if target.exists() or target.is_symlink():
                    raise _kept(target, "is no folder, and a folder is to be written", hint)
                os.replace(work, target)
            else:
                os.replace(work, target)


def _may_go(target: Path, work: Path, hint: str) -> None:
    """Raises ScoutError E622 where a folder holds what an export of this form does not."""
    if any(target.iterdir()) and not work.is_dir():
        raise _kept(target, "is a folder, and a file is to be written", hint)
    new = {entry.name for entry in work.iterdir()} if work.is_dir() else set()
    others = sorted(entry.name for entry in target.iterdir() if entry.name not in new)
    if others:
        raise _kept(target, f"holds other things, such as {others[0]}", "choose another place")


def _kept(target: Path, why: str, hint: str) -> ScoutError:
    return ScoutError("E622", f"{target} {why}: it stays as it is", hint)
