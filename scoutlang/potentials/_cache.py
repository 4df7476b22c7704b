"""Energies cached on disk by content: (structure hash, potential name, weights hash) → eV/atom.

An SQLite file in the cache folder. The cache only saves time: where it cannot be read or written
(read-only home, full disk, damaged file, a lock held too long), energies are computed anew.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from scoutlang.potentials._potential import Evaluation, Potential, Report, structure_hash
from scoutlang.support.batching import batches
from scoutlang.support.resources import cache_folder

if TYPE_CHECKING:
    from pymatgen.core import Structure

_T = TypeVar("_T")

_SCHEMA = """CREATE TABLE IF NOT EXISTS energies (
    structure TEXT, potential TEXT, weights TEXT, ev_per_atom REAL NOT NULL,
    PRIMARY KEY (structure, potential, weights)) WITHOUT ROWID"""
_SELECT = "SELECT ev_per_atom FROM energies WHERE structure = ? AND potential = ? AND weights = ?"
_INSERT = "INSERT OR IGNORE INTO energies VALUES (?, ?, ?, ?)"

_CHUNK_BATCHES = 8
"""Batches between two writes: what an interrupted run does not lose."""


class Cached:
    """A `Potential` that remembers finite energies of another one. Failures are not remembered."""

    def __init__(self, potential: Potential, path: Path | None = None) -> None:
        self._potential = potential
        self._path = path or cache_folder() / "energies.sqlite"
        self.name = potential.name
        self.version = potential.version
        self.weights_sha256 = potential.weights_sha256

    def energies(
        self, structures: Sequence[Structure], *, batch_size: int = 16, report: Report | None = None
    ) -> list[Evaluation]:
        hashes = [structure_hash(s) for s in structures]
        found = {h: Evaluation(energy) for h, energy in self._read(set(hashes)).items()}
        missing = {h: s for h, s in zip(hashes, structures, strict=True) if h not in found}

        def tell() -> None:
            if report:
                report(sum(h in found for h in hashes), len(hashes))

        tell()
        for some in batches(missing, lambda _: 1, _CHUNK_BATCHES * batch_size):
            evaluations = self._potential.energies(
                [missing[h] for h in some], batch_size=batch_size
            )
            new = dict(zip(some, evaluations, strict=True))
            self._write({h: e.energy for h, e in new.items() if not e.reason})
            found |= new
            tell()
        return [found[h] for h in hashes]

    def evaluate(
        self, structures: Sequence[Structure], *, batch_size: int = 16
    ) -> list[Evaluation]:
        """Not cached: gradients are asked for while structures move, and no two are the same."""
        return self._potential.evaluate(structures, batch_size=batch_size)

    def _read(self, hashes: set[str]) -> dict[str, float]:
        def select(database: sqlite3.Connection) -> dict[str, float]:
            rows = {
                h: database.execute(_SELECT, (h, self.name, self.weights_sha256)).fetchone()
                for h in hashes
            }
            return {h: row[0] for h, row in rows.items() if row and isinstance(row[0], float)}

        return self._attempt(select) or {}

    def _write(self, energies: Mapping[str, float]) -> None:
        def insert(database: sqlite3.Connection) -> None:
            with database:
                database.executemany(
                    _INSERT,
                    [(h, self.name, self.weights_sha256, energy) for h, energy in energies.items()],
                )

        self._attempt(insert)

    def _attempt(self, action: Callable[[sqlite3.Connection], _T]) -> _T | None:
        """The action's result on the open database, or None: what goes wrong is only a cache miss.
        A damaged file is removed.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self._path, timeout=10)) as database:
                database.execute(_SCHEMA)
                return action(database)
        except (sqlite3.Error, OSError) as error:
            # not a database, or malformed; its subclasses are locks, a full disk…
            if type(error) is sqlite3.DatabaseError:
                with contextlib.suppress(OSError):
                    self._path.unlink(missing_ok=True)
            return None
