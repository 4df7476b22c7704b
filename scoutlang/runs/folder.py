"""A run on disk: its manifest, and its structures as they were sampled or given.

A run folder grows in whole files only: each batch is a file of its own under ``samples/``, so an
interrupted run loses at most the batch it was working on, and what is there can be judged at any
time. The manifest carries the checked program, so that the folder means the same wherever it goes.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import Any

from scoutlang.crystals.io import plain_structure
from scoutlang.crystals.specimen import Specimen
from scoutlang.descriptors import origin
from scoutlang.ir import Arm, Program
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import write_whole
from scoutlang.support.version import __version__

MANIFEST = "run.json"
SAMPLES = "samples"
ARMS: tuple[Arm, ...] = ("non-guided", "guided")
MAX_FILE_BYTES = 256 << 20
"""Of a manifest or a batch: a batch of 100 000 structures of 20 atoms has half of it."""

_PACKAGES = (
    "torch",
    "mattergen",
    "pymatgen",
    "chgnet",
    "numpy",
    "scipy",
    "statsmodels",
    "lark",
    "pydantic",
)


@dataclass(frozen=True)
class RunFolder:
    """``manifest`` is what ``run.json`` holds; whoever changes it calls `save`."""

    path: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """The run in a folder, finished or not. Raises ScoutError E610 where there is none, E604
        where its manifest is damaged.
        """
        file = Path(path) / MANIFEST
        if not file.is_file():
            raise ScoutError(
                "E610",
                f"{path} is not the folder of a run",
                "give a folder that `scout run` or `scout validate` wrote",
            )
        manifest = _read_json(file)
        folder = cls(Path(path), manifest if isinstance(manifest, dict) else {})
        arms = folder.manifest.get("arms")
        if not (
            isinstance(arms, list)
            and all(arm in ARMS for arm in arms)
            and isinstance(folder.manifest.get("sample"), dict)
        ):
            raise ScoutError("E604", f"{file} is damaged", "start a new run in another folder")
        return folder

    @cached_property
    def program(self) -> Program:
        """The checked program of the run. Raises ScoutError E604."""
        from pydantic import ValidationError

        try:
            program = Program.from_json(json.dumps(self.manifest["program"]))
        except (KeyError, ValidationError, RecursionError, ValueError) as error:
            raise ScoutError(
                "E604",
                f"{self.path / MANIFEST} does not hold a program that can be read",
                "run it again with --resume, or in a new folder",
            ) from error
        if program.digest() != self.manifest.get("digest"):
            raise ScoutError(
                "E604",
                f"{self.path / MANIFEST} holds a program other than the one of its run",
                "start a new run in another folder",
            )
        return program

    @property
    def arms(self) -> tuple[Arm, ...]:
        return tuple(self.manifest["arms"])

    @property
    def finished(self) -> bool:
        return self.manifest.get("status") == "finished"

    def save(self) -> None:
        """Write the manifest. Raises OSError."""
        write_json(self.path / MANIFEST, self.manifest)

    def note(self, facts: Mapping[str, Any]) -> None:
        """Add facts to the manifest as it is on disk now: whoever samples the run may have gone on
        since it was read. Raises OSError.
        """
        file = self.path / MANIFEST
        if file.is_file():
            self.manifest.update(_read_json(file))
        self.manifest.update(facts)
        self.save()

    def part(self, arm: Arm, first: int) -> Path:
        """The file of the batch that begins with this index."""
        return self.path / SAMPLES / f"{arm}-{first:06d}.json"

    def generated(self, arms: Sequence[Arm] = ARMS) -> list[Specimen]:
        """All structures that are there, arm by arm, in the order of their indices.

        Those of a batch that is damaged are missing, with that as their reason. Raises ScoutError
        E604 where a file has no place in the run.
        """
        found = []
        for arm in (arm for arm in ARMS if arm in arms and arm in self.arms):
            firsts = sorted(
                self._first(file, arm) for file in (self.path / SAMPLES).glob(f"{arm}-*.json")
            )
            for first, following in pairwise([*firsts, self.program.sample.count]):
                try:
                    found.extend(self.read_part(self.part(arm, first), arm))
                except ScoutError as error:
                    lost = range(first, max(following, first + 1))
                    found.extend(
                        Specimen(
                            arm, self.program.sample.seed, i, None, f"{error.code} {error.message}"
                        )
                        for i in lost
                    )
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
        ``indices``, or of the file's name.
        """
        try:
            rows = _read_json(file)
            first = int(file.stem.removeprefix(f"{arm}-"))
            if [row["index"] for row in rows] != list(
                range(first, first + len(rows)) if indices is None else indices
            ):
                raise ValueError("not the structures of this batch")
            seed = int(self.manifest["sample"]["seed"])
            return [
                Specimen(
                    arm,
                    seed,
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


def manifest(program: Program, arms: Sequence[Arm]) -> dict[str, Any]:
    """What every run says of itself from its start: the program, its settings, and the versions of
    what works on it.
    """
    return {
        "scoutlang": __version__,
        "status": "running",
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "source_name": program.source_name,
        "source": program.source_text,
        "digest": program.digest(),
        "language_version": program.language_version,
        "program": program.to_data(),
        "arms": list(arms),
        "guide": program.guide.to_data(),
        "sample": program.sample.to_data(),
        "parameters": {p.name: p.value for p in program.parameters},
        "plugins": {name: package for name in program.descriptors if (package := origin(name))},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Only what the disk refuses here is a fault of the folder: ScoutError E602."""
    try:
        yield
    except OSError as error:
        raise ScoutError(
            "E602",
            f"cannot write into {folder}: {error.strerror or error}",
            "free space or choose another folder with --out",
        ) from error


def write_json(file: Path, data: Any) -> Path:
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    return write_whole(file, lambda path: path.write_text(text, encoding="utf-8"))


def _read_json(file: Path) -> Any:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise ValueError("too large")
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise ScoutError(
            "E604", f"{file} is damaged", "start a new run in another folder"
        ) from error


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
