"""A database of ASE: one SQLite file, with the facts of each structure as key-value pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scoutlang.report.exports._format import Format
from scoutlang.report.exports._item import Item, Parcel

if TYPE_CHECKING:
    from ase import Atoms


def write(parcel: Parcel, place: Path) -> None:
    """The energy of the row is the total one in eV, of a calculator that has the potential's name.
    Raises OSError.
    """
    from ase.db import connect

    with connect(place, type="db", append=False, use_lock_file=False) as database:
        for item in parcel.items:
            facts = {"scout_id": item.id, **item.known_facts}
            database.write(_atoms(item), key_value_pairs=facts)
        database.metadata = {
            "title": parcel.title,
            "description": parcel.about,
            "licence": parcel.licence,
            "authors": list(parcel.authors),
            "program": parcel.program.source_text,
            "key_descriptions": {
                fact.name: (
                    fact.name.replace("_", " "),
                    fact.about,
                    fact.unit,
                )
                for fact in parcel.facts
            },
            "default_columns": ["id", "formula", "arm", "geometry", "hit", "e_above_hull"],
        }


def _atoms(item: Item) -> Atoms:
    from ase.calculators.singlepoint import SinglePointCalculator

    atoms = item.atoms
    if item.energy is not None:
        atoms.calc = SinglePointCalculator(atoms, energy=item.energy * len(atoms))
        atoms.calc.name = item.provenance.potential
    return atoms


FORMAT = Format(
    about="a database of ASE (SQLite), for ase.db.connect and `ase db`",
    makes="file.db",
    write=write,
)
