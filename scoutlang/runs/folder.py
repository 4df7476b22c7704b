"""A run on disk: its manifest, and its structures as they were sampled or given.

A run folder grows in whole files only: each batch is a file of its own under ``samples/``, so an
interrupted run loses at most the batch it was working on, and what is there can be judged at any
time. The manifest carries the checked program, so that the folder means the same wherever it goes.

Imports nothing heavy before structures are read: what is wrong with a folder is said at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import ARMS, Arm, Program
from scoutlang.runs.manifest import MANIFEST, Manifest
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import read_json, write_json

SAMPLES = "samples"
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
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ScoutError(
                "E601",
                f"{path} exists and is not empty",
                "choose another folder with --out, or continue that run with --resume",
            )
        (path / SAMPLES).mkdir(parents=True, exist_ok=True)
        run = cls(path, manifest)
        run.save()
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

    def generated(self, arms: Sequence[Arm] = ARMS) -> list[Specimen]:
        """All structures that are there, arm by arm, in the order of their indices.

        Those of a batch that is damaged are missing, with that as their reason. Raises ScoutError
        E604 where a file has no place in the run.
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
        from scoutlang.crystals.io import plain_structure

        try:
            rows = read_json(file, MAX_BATCH_BYTES)
            first = int(file.stem.removeprefix(f"{arm}-"))
            if [row["index"] for row in rows] != list(
                range(first, first + len(rows)) if indices is None else indices
            ):
                raise ValueError("not the structures of this batch")
            return [
                Specimen(
                    arm,
                    self.program.sample.seed,
                    row["index"],
                    None if row["structure"] is None else plain_structure(row["structure"]),
                    row["failure"],
                    row.get("ancestor"),
                    row.get("origin"),
                )
                for row in rows
            ]
        except FileNotFoundError:
            raise
        except Exception as error:  # pymatgen raises errors of many types for a damaged structure
            raise ScoutError(
                "E604",
                f"{file} is damaged",
                "delete that file and run again with --resume: its structures will be made anew",
            ) from error

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
            for g in generated
        ]
        return write_json(self.part(arm, generated[0].index), rows)


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
