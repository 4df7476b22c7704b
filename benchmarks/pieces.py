"""Pieces of a benchmark's sampling: one arm of one program with one seed, in a folder that several
processes may fill at the same time.

Each sampled batch is a file of its own, with the structures and what they cost, so that work goes
on where it stopped. A piece is claimed by a lock on a file in its folder, which the kernel releases
when its owner ends, however it ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pymatgen.core import Lattice, Structure

import scoutlang
from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import Arm, Guide, Program
from scoutlang.ir.settings import settings
from scoutlang.sampling.generate import generate
from scoutlang.sampling.mattergen.checkpoint import Model
from scoutlang.sampling.progress import Progress
from scoutlang.support.files import write_whole
from scoutlang.validation.hull import Heights

# the packages that decide what is sampled
_SAMPLER = ("sampling", "loss", "geometry", "descriptors")


@dataclass(frozen=True)
class Cost:
    """Of some structures. evaluations: of the score network, times structures. cpu: seconds of CPU
    of the process, for a machine that is shared.
    """

    structures: int
    seconds: float
    cpu: float
    evaluations: int


@dataclass(frozen=True)
class Piece:
    """``program.sample`` has seed, count and batch."""

    folder: Path
    program: Program
    arm: Arm

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides what is sampled, but the code."""
        guided = {
            "guide": _effective(self.program.guide.to_data()),
            "terms": [t.text for t in self.program.terms if t.steers],
        }
        return {
            "system": list(self.program.system),
            "sample": self.program.sample.to_data(),
            **(guided if self.arm == "guided" else {}),
        }

    def missing(self) -> list[range]:
        """The batches that are not sampled yet."""
        sample = self.program.sample
        batches = [
            range(first, min(first + sample.batch, sample.count))
            for first in range(0, sample.count, sample.batch)
        ]
        return [batch for batch in batches if not self._file(batch).exists()]

    @contextmanager
    def claimed(self) -> Iterator[bool]:
        """Whether the piece is ours until the end of the block; False while another process has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def sample(
        self, batch: range, model: Model, code: dict[str, str], above_hull: Heights | None
    ) -> Cost:
        """Sample one batch and write its file; ``above_hull`` is for the resampling. Raises
        SystemExit where the folder holds the same piece with other settings.
        """
        self._same_settings()
        evaluations = 0

        def on_step(progress: Progress) -> None:
            nonlocal evaluations
            if progress.step == progress.steps:
                evaluations += progress.evaluations

        wall, cpu = time.perf_counter(), time.process_time()
        sampled = generate(
            self.program, model, self.arm, batch, above_hull=above_hull, on_step=on_step
        )
        cost = Cost(
            len(sampled),
            round(time.perf_counter() - wall, 3),
            round(time.process_time() - cpu, 3),
            evaluations,
        )
        content = {
            "settings": self.settings,
            "digest": self.program.digest(),
            "arm": self.arm,
            "model": {
                "name": model.name,
                "weights_sha256": model.weights_sha256,
                "config_sha256": model.config_sha256,
            },
            "code": code,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "cost": cost.__dict__,
            "structures": [_plain(s) for s in sampled],
        }
        text = json.dumps(content, separators=(",", ":")) + "\n"
        write_whole(self._file(batch), lambda path: path.write_text(text, encoding="utf-8"))
        return cost

    def _same_settings(self) -> None:
        for file in files(self.folder):
            if read(file).settings != self.settings:
                raise SystemExit(
                    f"{file} was sampled with other settings: remove {self.folder}, or choose another --folder"
                )

    def _file(self, batch: range) -> Path:
        return self.folder / f"{batch.start:06d}.json"


@dataclass(frozen=True)
class Batch:
    """One file of a piece. ``content`` is what `Piece.sample` wrote."""

    content: dict[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        found: dict[str, Any] = self.content["settings"]
        return {**found, "guide": _effective(found["guide"])} if "guide" in found else found

    @property
    def seed(self) -> int:
        return int(self.settings["sample"]["seed"])

    @property
    def cost(self) -> Cost:
        return Cost(**self.content["cost"])

    def generated(self, *, with_structures: bool) -> list[Specimen]:
        """Its structures, or for those who know all about them already, without the crystals:
        making those takes most of the time.
        """
        rows = self.content["structures"]
        arm, seed = self.content["arm"], self.seed
        return [
            Specimen(
                arm,
                seed,
                row["index"],
                _structure(row) if with_structures else None,
                row["failure"],
                row["ancestor"],
            )
            for row in rows
        ]


def _effective(guide: dict[str, Any]) -> dict[str, Any]:
    """The settings of a guide that its method reads."""
    unused = {s.field for s in settings(Guide).values() if s.only not in ("", guide["method"])}
    return {name: value for name, value in guide.items() if name not in unused}


def read(file: Path) -> Batch:
    return Batch(json.loads(file.read_text(encoding="utf-8")))


def files(folder: Path) -> list[Path]:
    """The batches of a piece, in order."""
    return sorted(folder.glob("[0-9]*.json"))


def code_facts() -> dict[str, str]:
    """Commit, and a hash of the sources that sampling depends on, for a working tree that is not
    committed.
    """
    root = Path(scoutlang.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(file for package in _SAMPLER for file in (root / package).rglob("*.py")):
        digest.update(file.read_bytes())
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return {
        "version": scoutlang.__version__,
        "commit": commit,
        "sampler_sha256": digest.hexdigest(),
    }


def _plain(sampled: Specimen) -> dict[str, Any]:
    row: dict[str, Any] = {
        "index": sampled.index,
        "failure": sampled.failure,
        "ancestor": sampled.ancestor,
    }
    if (s := sampled.structure) is not None:
        row |= {
            "lattice": s.lattice.matrix.tolist(),
            "numbers": list(s.atomic_numbers),
            "frac": s.frac_coords.tolist(),
        }
    return row


def _structure(row: dict[str, Any]) -> Structure | None:
    if "lattice" not in row:
        return None
    return Structure(Lattice(row["lattice"]), row["numbers"], np.reshape(row["frac"], (-1, 3)))
