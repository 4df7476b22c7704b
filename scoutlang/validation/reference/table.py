"""A reference set in memory: an Arrow table of crystals, with what must be cited with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pymatgen.core import Lattice, Structure

from scoutlang.support.errors import ScoutError, squeezed
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
"""One row per crystal. ``frac``: n·3 fractional coordinates; ``lattice``: three row vectors in Å.
float32 keeps 1e-6 Å.
"""


@dataclass(frozen=True)
class Reference:
    """A named set of known crystals."""

    name: str
    version: str
    """SHA-256 of the content: energies and hulls are only comparable for one version."""
    table: pa.Table
    """The crystals, one row each, with the columns of `SCHEMA`."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What a manifest or a report says of it, JSON-like: ``source``, ``licence``, ``citation``,
    ``count``, ``date``…; of a union, ``parts`` with one such mapping for each set.
    """

    @classmethod
    def from_structures(cls, name: str, structures: Iterable[ReferenceStructure]) -> Reference:
        table = to_table(structures)
        return cls(name, hashlib.sha256(str(table.to_pylist()).encode()).hexdigest(), table)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def subset(self, elements: Iterable[str]) -> list[ReferenceStructure]:
        """All crystals made of these elements and no others, in table order. Elements it lacks are
        simply absent: see `stages.hull`.
        """
        allowed = set(elements)
        # each system is looked at once
        systems = self.table["chemsys"].unify_dictionaries().combine_chunks().dictionary_encode()
        inside = [
            allowed.issuperset(system.split("-")) for system in systems.dictionary.to_pylist()
        ]
        return list(rows(self.table.filter(pc.take(pa.array(inside, pa.bool_()), systems.indices))))


def union(references: Iterable[Reference]) -> Reference:
    """The sets one after the other; of rows with the same source and id the first stays. The
    version follows from those of the parts.
    """
    parts = list(references)
    table = pa.concat_tables([p.table for p in parts]).unify_dictionaries()
    seen: set[tuple[str, str]] = set()
    first = []
    for key in zip(table["source"].to_pylist(), table["id"].to_pylist(), strict=True):
        first.append(key not in seen)
        seen.add(key)
    kept = table.filter(pa.array(first, pa.bool_()))
    version = hashlib.sha256(" ".join(p.version for p in parts).encode()).hexdigest()
    about = {
        "count": kept.num_rows,
        "parts": [{"name": p.name, "version": p.version, **p.about} for p in parts],
    }
    return Reference("+".join(p.name for p in parts), version, kept, about)


def to_table(structures: Iterable[ReferenceStructure]) -> pa.Table:
    """Rows of `SCHEMA`."""
    return pa.Table.from_pylist(
        [
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
        ],
        SCHEMA,
    )


def rows(table: pa.Table) -> Iterator[ReferenceStructure]:
    """The crystals of a table of `SCHEMA`. Raises ScoutError E465 for one that is damaged."""
    for row in table.to_pylist():
        try:
            frac = np.reshape(row["frac"], (-1, 3))
            structure = Structure(Lattice(row["lattice"]), row["numbers"], frac)
            if not (np.isfinite(frac).all() and np.isfinite(structure.lattice.matrix).all()):
                raise ValueError("coordinates or cell vectors that are not finite")
        except Exception as error:  # pymatgen raises errors of many types
            raise ScoutError(
                "E465",
                f"a reference set is damaged: crystal {str(row['id'])[:100]}: {squeezed(error)}",
                "`scout reference verify NAME` says more; add the set again with --replace",
            ) from None
        yield ReferenceStructure(
            row["id"], row["source"], structure, row["citation"], row["licence"]
        )
