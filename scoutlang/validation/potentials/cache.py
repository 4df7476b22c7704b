"""Energies cached on disk by content: (structure hash, potential name, weights hash) → eV/atom.

An SQLite file in ``$SCOUT_CACHE``, else ``$XDG_CACHE_HOME/scoutlang``, else ``~/.cache/scoutlang``. The cache only saves time:
where it cannot be read or written (read-only home, full disk, damaged file, a lock held too long), energies are computed anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from pymatgen.core import Structure

from scoutlang.validation.potentials import Evaluation, Potential, Report

_SCHEMA = """CREATE TABLE IF NOT EXISTS energies (
    structure TEXT, potential TEXT, weights TEXT, ev_per_atom REAL NOT NULL, PRIMARY KEY (structure, potential, weights)) WITHOUT ROWID"""


def cache_folder() -> Path:
    """Where caches live; the folder need not exist."""
    if own := os.environ.get("SCOUT_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "scoutlang"


def structure_hash(structure: Structure) -> str:
    """SHA-256 of the exact numbers: species, fractional coordinates and lattice as little-endian float64."""
    digest = hashlib.sha256(str([str(site.species) for site in structure]).encode())
    digest.update(np.asarray(structure.frac_coords, dtype="<f8").tobytes())
    digest.update(np.asarray(structure.lattice.matrix, dtype="<f8").tobytes())
    return digest.hexdigest()


class Cached:
    """A `Potential` that remembers finite energies of another one. Failures are not remembered."""

    def __init__(self, potential: Potential, path: Path | None = None) -> None:
        self._potential = potential
        self._path = path or cache_folder() / "energies.sqlite"
        self.name = potential.name
        self.version = potential.version
        self.weights_sha256 = potential.weights_sha256

    def energies(self, structures: Sequence[Structure], *, batch_size: int = 16, report: Report | None = None) -> list[Evaluation]:
        hashes = [structure_hash(s) for s in structures]
        known = {h: Evaluation(e) for h, e in self._read(set(hashes)).items()}
        new = {h: s for h, s in zip(hashes, structures, strict=True) if h not in known}
        before = len(structures) - len(new)

        def shifted(done: int, total: int) -> None:
            if report:
                report(before + done, before + total)

        evaluations = dict(zip(new, self._potential.energies(list(new.values()), batch_size=batch_size, report=shifted), strict=True))
        self._write({h: e.energy for h, e in evaluations.items() if not e.reason})
        return [(known | evaluations)[h] for h in hashes]

    def _read(self, hashes: set[str]) -> Mapping[str, float]:
        found: dict[str, float] = {}
        with contextlib.suppress(sqlite3.Error, OSError), self._open() as database:
            for h in hashes:
                row = database.execute(
                    "SELECT ev_per_atom FROM energies WHERE structure = ? AND potential = ? AND weights = ?", (h, self.name, self.weights_sha256)
                ).fetchone()
                if row and isinstance(row[0], float):
                    found[h] = row[0]
        return found

    def _write(self, energies: Mapping[str, float]) -> None:
        rows = [(h, self.name, self.weights_sha256, e) for h, e in energies.items()]
        with contextlib.suppress(sqlite3.Error, OSError), self._open() as database, database:
            database.executemany("INSERT OR IGNORE INTO energies VALUES (?, ?, ?, ?)", rows)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(self._path, timeout=10)) as database:
            try:
                database.execute(_SCHEMA)
            except sqlite3.DatabaseError as error:
                if type(error) is sqlite3.DatabaseError:  # "file is not a database": damaged, not busy; start afresh next time
                    self._path.unlink(missing_ok=True)
                raise
            yield database
