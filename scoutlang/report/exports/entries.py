"""Computed entries of pymatgen, the form in which the Materials Project works with energies: for
phase diagrams.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pymatgen.core import Structure

from scoutlang.potentials import malformed
from scoutlang.report.exports._format import Format
from scoutlang.report.exports._item import NOT_DFT, Item, Parcel


def write(parcel: Parcel, place: Path) -> None:
    """A JSON list for `monty.serialization.loadfn`: the known crystals of the same elements first,
    whose energies are by the same potential, so that a phase diagram can be drawn, then the
    structures. Every energy is that of the cell in eV, as the potential gives it; nothing is
    corrected, and there is no run type that a correction scheme of the Materials Project would
    take. Raises OSError.
    """
    entries = [*_known(parcel), *(_generated(item) for item in parcel.items)]
    text = json.dumps(entries, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    place.write_text(text + "\n", encoding="utf-8")


def _generated(item: Item) -> dict[str, Any]:
    assert item.energy is not None  # `_unfit`
    facts = {name: value for name, value in item.facts.items() if value is not None}
    return _entry(
        item.structure, item.energy, item.id, item.potential, {"role": "generated"} | facts
    )


def _known(parcel: Parcel) -> Iterator[dict[str, Any]]:
    judged = parcel.judged
    elements = {symbol for one in parcel.items for symbol in one.structure.symbol_set}
    known = [one for one in judged.reference.subset(elements) if not malformed(one.structure)]
    by = f"{judged.potential.name} {judged.potential.version}"
    energies = judged.potential.energies([one.structure for one in known])
    for one, found in zip(known, energies, strict=True):
        if not found.reason:
            facts = {
                "role": "reference",
                "geometry": "as in its source",
                "potential": by,
                "potential_weights": f"sha256:{judged.potential.weights_sha256}",
                "is_dft": False,
                "source": one.source,
                "citation": one.citation,
                "licence": one.licence,
            }
            yield _entry(one.structure, found.energy, one.id, by, facts)


def _entry(
    structure: Structure, energy: float, id_: str, potential: str, facts: dict[str, Any]
) -> dict[str, Any]:
    """energy: eV/atom."""
    from pymatgen.entries.computed_entries import ComputedStructureEntry

    entry = ComputedStructureEntry(
        structure,
        energy * len(structure),
        parameters={"energies": f"{potential}, an interatomic potential", "about": NOT_DFT},
        data=facts,
        entry_id=id_,
    )
    found: dict[str, Any] = json.loads(json.dumps(entry.as_dict(), default=_plain))
    return found


def _plain(value: Any) -> Any:
    """Numbers of numpy, as which pymatgen keeps some."""
    return value.item()


def _unfit(item: Item) -> str:
    return "" if item.energy is not None else "no energy"


FORMAT = Format(
    about="ComputedStructureEntry of pymatgen (JSON), with the known crystals of the hull",
    makes="file.json",
    write=write,
    unfit=_unfit,
)
