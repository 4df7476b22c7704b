"""A run on disk: its manifest, and its structures as they were sampled or given.

A run folder grows in whole files only: each batch is a file of its own under ``samples/``, so an
interrupted run loses at most the batches it was working on, and what is there can be judged at any
time. One process at a time writes into it (`held`); others may read. The manifest carries the
checked program, so that the folder means the same wherever it goes.

Imports nothing heavy before structures are read: what is wrong with a folder is said at once.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout
from pydantic import ValidationError

from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import ARMS, Arm, Program
from scoutlang.runs.manifest import MANIFEST, Cost, Manifest
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import PARTIAL, followed, read_json, write_json

SAMPLES = "samples"
_COST = ".cost"
TRACE = "trace.parquet"
MAX_BATCH_BYTES = 256 << 20
"""A batch of 100 000 structures of 20 atoms has half of it."""


@dataclass
class RunFolder:
    """A run: its folder, and its manifest as it was read or written last."""

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """The run in a folder, finished or not. Raises ScoutError E610 where there is none, E604
        where its manifest is damaged.
        """
        try:
            return cls(Path(path), Manifest.read(Path(path) / MANIFEST))
        except (FileNotFoundError, NotADirectoryError):
            raise ScoutError(
                "E610",
                f"{path} is not the folder of a run",
                "give a folder that `scout run` or `scout validate` wrote",
            ) from None

    @classmethod
    def create(cls, path: Path, manifest: Manifest) -> RunFolder:
        """Begin a run in a folder that is new or empty. Raises ScoutError E601 where something is
        there already, OSError.
        """
        check_free(path)
        path.mkdir(parents=True, exist_ok=True)
        run = cls(path, manifest)
        run.save()
        (path / SAMPLES).mkdir(exist_ok=True)
        return run

    @property
    def program(self) -> Program:
        return self.manifest.program

    @property
    def arms(self) -> tuple[Arm, ...]:
        return self.manifest.arms

    @property
    def finished(self) -> bool:
        return self.manifest.status == "finished"

    def save(self, **facts: Any) -> None:
        """Write the manifest, with these facts changed. Raises OSError."""
        self.manifest = self.manifest.changed(**facts)
        self.manifest.write(self.path / MANIFEST)

    def note(self, **facts: Any) -> None:
        """As `save`, but into the manifest as it is on disk now: whoever samples the run may have
        gone on since it was read. Raises OSError, ScoutError E604.
        """
        with suppress(FileNotFoundError):  # what is known here is still worth a manifest
            self.manifest = Manifest.read(self.path / MANIFEST)
        self.save(**facts)

    def part(self, arm: Arm, first: int) -> Path:
        """The file of the batch that begins with this index."""
        return self.path / SAMPLES / f"{arm}-{first:06d}.json"

    def generated(self, arms: Sequence[Arm] = ARMS, *, strict: bool = False) -> list[Specimen]:
        """All structures that are there, arm by arm, in the order of their indices.

        Those of a batch that is damaged are missing, with that as their reason. Raises ScoutError
        E604 where a file has no place in the run, and with ``strict`` where one is damaged.
        """
        found: list[Specimen] = []
        for arm in (arm for arm in ARMS if arm in arms and arm in self.arms):
            firsts = sorted(
                self._first(file, arm) for file in (self.path / SAMPLES).glob(f"{arm}-*.json")
            )
            for first, following in pairwise([*firsts, self.program.sample.count]):
                try:
                    found.extend(self.read_part(self.part(arm, first), arm))
                except ScoutError as error:
                    if strict:
                        raise
                    reason = f"{error.code} {error.message}"
                    lost = range(first, max(following, first + 1))
                    seed = self.program.sample.seed
                    found.extend(Specimen(arm, seed, i, None, reason) for i in lost)
        return found

    def _first(self, file: Path, arm: Arm) -> int:
        first = file.stem.removeprefix(f"{arm}-")
        if not first.isdecimal() or file != self.part(arm, int(first)):
            raise ScoutError("E604", f"{file} is not a batch of this run", "move it away")
        return int(first)

    def read_part(
        self, file: Path, arm: Arm, indices: Sequence[int] | None = None
    ) -> list[Specimen]:
        """The structures of one batch. Raises ScoutError E604 where they are not those of
        ``indices``, or of the file's name; FileNotFoundError.
        """
        from scoutlang.crystals.formats import plain_structure
        from scoutlang.crystals.io import unsound

        try:
            rows = read_json(file, MAX_BATCH_BYTES)
            first = int(file.stem.removeprefix(f"{arm}-"))
            if [row["index"] for row in rows] != list(
                range(first, first + len(rows)) if indices is None else indices
            ):
                raise ValueError("not the structures of this batch")
            made = []
            for row in rows:
                crystal = None if row["structure"] is None else plain_structure(row["structure"])
                flaw = None if crystal is None else unsound(crystal)
                made.append(
                    Specimen(
                        arm,
                        self.program.sample.seed,
                        row["index"],
                        None if flaw else crystal,
                        flaw or row["failure"],
                        row.get("ancestor"),
                        row.get("origin"),
                        tuple(map(str, row.get("notes", ()))),
                        str(row.get("lacking", "")),
                    )
                )
            return made
        except FileNotFoundError:
            raise
        except Exception as error:  # pymatgen raises errors of many types for a damaged structure
            raise ScoutError(
                "E604",
                f"{file} is damaged",
                "delete that file and run again with --resume: its structures will be made anew",
            ) from error

    def is_whole(self, file: Path) -> bool:
        """Whether the file of a batch was not cut short; a look at its end only. Raises OSError."""
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - 2))
            return stream.read() == b"]\n"

    def add_costs(self, costs: Mapping[str, Cost]) -> None:
        """Note what batches cost, by the stems of their files. Raises OSError."""
        self.save(batches=dict(sorted({**self.manifest.batches, **costs}.items())))

    def write_cost(self, part: Path, cost: Cost) -> None:
        """Beside a batch, what it cost: for whoever holds the folder next (`take_costs`). Raises
        OSError.
        """
        write_json(part.with_suffix(_COST), cost.model_dump())

    def take_costs(self) -> None:
        """Note in the manifest what stands beside batches, and remove it there. Raises OSError."""
        files = sorted((self.path / SAMPLES).glob(f"*{_COST}"))
        found = {}
        for file in files:
            with suppress(ValueError, ValidationError):  # it is only missed
                found[file.name.removesuffix(_COST)] = Cost.model_validate(read_json(file, 10_000))
        if found:
            self.add_costs(found)
        for file in files:
            file.unlink()

    def write_part(self, arm: Arm, generated: Sequence[Specimen]) -> Path:
        """A batch of consecutive indices as a file of its own. Raises OSError."""
        rows = [
            {
                "index": g.index,
                "structure": g.structure and g.structure.as_dict(),
                "failure": g.failure,
                "ancestor": g.ancestor,
            }
            | ({"origin": g.origin} if g.origin is not None else {})
            | ({"notes": list(g.notes)} if g.notes else {})
            | ({"lacking": g.lacking} if g.lacking else {})
            for g in generated
        ]
        (self.path / SAMPLES).mkdir(exist_ok=True)
        return write_json(self.part(arm, generated[0].index), rows)


_LOCK = ".lock"
_HOLDER = ".holder.json"
_FIRST = (_HOLDER, MANIFEST)
"""What is written first, of which a killed run may leave a part."""


def check_free(path: Path) -> None:
    """Raises ScoutError E601 unless the folder is new, or empty but for what a run left that was
    killed before its first manifest.
    """
    if path.is_dir():
        others = [
            entry
            for entry in path.iterdir()
            if entry.name not in (_LOCK, _HOLDER)
            and not ((found := PARTIAL.fullmatch(entry.name)) and found[1] in _FIRST)
        ]
        if not others:
            return
    elif not path.exists():
        return
    raise ScoutError(
        "E601",
        f"{path} exists and is not empty",
        "choose another folder with --out, or continue that run with --resume",
    )


def give_back(path: Path) -> None:
    """Remove a run folder that holds no batch. Nothing happens where there is one."""
    with suppress(OSError):
        (path / SAMPLES).rmdir()  # fails, and so ends this, when a batch is there
        shutil.rmtree(path / TRACE, ignore_errors=True)
        for name in (MANIFEST, _HOLDER, _LOCK):
            (path / name).unlink(missing_ok=True)
        path.rmdir()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Nobody else writes into a run folder during this block; where the process dies, the folder is
    free. The same thread may hold it several times. Raises ScoutError E614 where another process
    holds it, E602 where it cannot be written.
    """
    with writing(path):
        # a shared file: it stays there, since one that is removed can be held by two
        file = _lock_file(path)
        if file.is_symlink():  # a lock is emptied when it is taken: a stranger's link is not ours
            file.unlink()
        lock = FileLock(file, timeout=0, is_singleton=True)
        try:
            lock.acquire()
        except Timeout:
            raise ScoutError(
                "E614",
                f"{holder(path) or 'another process'} is working on {path}",
                "wait for it, or stop it; `scout status` shows how far it is",
            ) from None
    try:
        if lock.lock_counter == 1:
            with writing(path):
                _clear_partials(path)
                write_json(path / _HOLDER, _this_process())
        yield
    finally:
        if lock.lock_counter == 1:
            with suppress(OSError):
                (path / _HOLDER).unlink(missing_ok=True)
        lock.release()


def holder(path: Path) -> str:
    """Who holds a run folder now: ``process 4711 on node3 (since 12:01 UTC)``; empty if nobody."""
    file = _lock_file(path)
    if file.is_symlink() or not file.is_file():
        return ""
    lock = FileLock(file, timeout=0)
    try:
        with lock:
            return ""
    except Timeout:
        pass
    except OSError:  # a folder that can only be read
        return ""
    try:
        found = read_json(path / _HOLDER, 10_000)
        return f"process {int(found['pid'])} on {found['host']} (since {found['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _lock_file(path: Path) -> Path:
    """The same path, however the folder is named; the file itself is not followed."""
    return followed(path) / _LOCK


def _this_process() -> dict[str, Any]:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": platform.node(), "since": since}


def _clear_partials(path: Path) -> None:
    """Remove what processes that are dead have left half-written."""
    for file in path.rglob(".*.partial"):
        found = PARTIAL.fullmatch(file.name)
        if found and not (len(found[2]) < 10 and psutil.pid_exists(int(found[2]))):
            file.unlink(missing_ok=True)


def goes_on(program: Program, folder: Path, hint: str) -> bool:
    """Whether a folder holds a run of this program that has not come to its end; False where
    nothing is there yet. Raises ScoutError E601 for all else, mostly with ``hint``.
    """
    try:
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            return False
        run = RunFolder.open(folder)
    except (OSError, ScoutError):
        raise ScoutError("E601", f"{folder} exists and holds no run", hint) from None
    if run.program.digest() != program.digest():
        raise ScoutError(
            "E601", f"{folder} holds a run of another program, or with other settings", hint
        )
    if run.finished:
        raise ScoutError(
            "E601",
            f"{folder} holds this run, and it is finished",
            "choose another folder for another one, or change the seed",
        )
    return True


@contextmanager
def writing(
    folder: Path, hint: str = "free space or choose another folder with --out"
) -> Iterator[None]:
    """Only what the disk refuses here is a fault of the folder: ScoutError E602."""
    try:
        yield
    except OSError as error:
        raise ScoutError(
            "E602",
            f"cannot write into {folder}: {error.strerror or error}",
            hint,
        ) from error
