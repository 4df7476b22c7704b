"""Reference sets: known crystals with source and licence, against which generated ones are judged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pymatgen.core import Lattice, Structure

from scoutlang.errors import ScoutError
from scoutlang.validation.reference.structures import ReferenceStructure

_TEXT = pa.dictionary(pa.int16(), pa.string())

SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "source": _TEXT,
        "formula": pa.string(),
        "chemsys": pa.string(),
        "num_atoms": pa.int16(),
        "numbers": pa.list_(pa.uint8()),
        "frac": pa.list_(pa.float32()),
        "lattice": pa.list_(pa.float32(), 9),
        "citation": _TEXT,
        "licence": _TEXT,
    }
)
"""One row per crystal. ``frac``: n·3 fractional coordinates; ``lattice``: three row vectors in Å. float32 keeps 1e-6 Å."""


@dataclass(frozen=True)
class Reference:
    """A named set. ``version`` is a SHA-256 of its content: energies and hulls are only comparable for one version."""

    name: str
    version: str
    table: pa.Table

    @classmethod
    def from_structures(cls, name: str, structures: Iterable[ReferenceStructure]) -> Reference:
        table = to_table(structures)
        return cls(name, hashlib.sha256(str(table.to_pylist()).encode()).hexdigest(), table)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def subset(self, elements: Iterable[str]) -> list[ReferenceStructure]:
        """All crystals made of these elements and no others, in table order. Elements it lacks are simply absent: see `stages.hull`."""
        allowed = set(elements)
        inside = [allowed.issuperset(system.split("-")) for system in self.table["chemsys"].to_pylist()]
        return list(_from_table(self.table.filter(pa.array(inside, pa.bool_()))))


def load(name: str = "mp-mini") -> Reference:
    """An embedded reference set. Raises ScoutError E441 for an unknown name."""
    file = files(__name__) / "data" / f"{name}.parquet"
    if not file.is_file():
        raise ScoutError("E441", f"unknown reference set '{name}'", "known reference sets: mp-mini")
    content = file.read_bytes()
    return Reference(name, hashlib.sha256(content).hexdigest(), pq.read_table(pa.BufferReader(content)))


def to_table(structures: Iterable[ReferenceStructure]) -> pa.Table:
    """Rows of `SCHEMA`."""
    rows = [
        {
            "id": r.id,
            "source": r.source,
            "formula": r.structure.composition.reduced_formula,
            "chemsys": r.structure.composition.chemical_system,
            "num_atoms": len(r.structure),
            "numbers": r.structure.atomic_numbers,
            "frac": np.asarray(r.structure.frac_coords, dtype=np.float32).ravel(),
            "lattice": np.asarray(r.structure.lattice.matrix, dtype=np.float32).ravel(),
            "citation": r.citation,
            "licence": r.licence,
        }
        for r in structures
    ]
    return pa.Table.from_pylist(rows, SCHEMA)


def _from_table(table: pa.Table) -> Iterator[ReferenceStructure]:
    for row in table.to_pylist():
        structure = Structure(Lattice(row["lattice"]), row["numbers"], np.reshape(row["frac"], (-1, 3)))
        yield ReferenceStructure(row["id"], row["source"], structure, row["citation"], row["licence"])
