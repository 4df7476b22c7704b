"""RO-Crate 1.1: a folder of data that says, as linked data, what is in it, who made it, how and
with what (https://www.researchobject.org/ro-crate/specification/1.1/).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scoutlang.report.exports._format import Format
from scoutlang.report.exports._item import Parcel
from scoutlang.runs.manifest import MANIFEST
from scoutlang.support.files import cell, followed

METADATA = "ro-crate-metadata.json"
CRYSTALS, TABLE, PROGRAM = "structures.extxyz", "structures.csv", "hypothesis.scout"

_CONTEXT = "https://w3id.org/ro/crate/1.1"
_SPDX = "https://spdx.org/licenses/"
_NO_LICENCE = (
    "No licence was given with this data. Ask its authors before you use it for more than reading."
)
_FILES = {
    CRYSTALS: (
        "chemical/x-xyz",
        "The crystals in extended XYZ, as ASE reads it, each with its id and whose energies it has",
    ),
    TABLE: ("text/csv", "A row for each crystal, by the same id; undefined is empty"),
    PROGRAM: ("text/plain", "The hypothesis, a program for scoutlang"),
    MANIFEST: ("application/json", "What the run says of itself: settings, versions, SHA-256"),
}


def write(parcel: Parcel, place: Path) -> None:
    """The folder. Raises OSError."""
    place.mkdir()
    (place / CRYSTALS).write_text(_crystals(parcel), encoding="utf-8")
    (place / TABLE).write_text(_table(parcel), encoding="utf-8")
    (place / PROGRAM).write_text(parcel.program.source_text, encoding="utf-8")
    parcel.judged.run.manifest.write(place / MANIFEST)
    sizes = {name: (place / name).stat().st_size for name in _FILES}
    text = json.dumps(metadata(parcel, sizes), indent=1, ensure_ascii=False)
    (place / METADATA).write_text(text + "\n", encoding="utf-8")


def _crystals(parcel: Parcel) -> str:
    import ase.io

    crystals = []
    for item in parcel.items:
        atoms = item.atoms
        wanted = ("geometry", "potential", "is_dft", "energy_per_atom", "e_above_hull", "hit")
        known = item.known_facts
        atoms.info |= {
            "scout_id": item.id,
            **{name: known[name] for name in wanted if name in known},
        }
        crystals.append(atoms)
    text = io.StringIO()
    ase.io.write(text, crystals, format="extxyz")
    return text.getvalue()


def _table(parcel: Parcel) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "formula", *(fact.name for fact in parcel.facts)])
    for item in parcel.items:
        row = [item.id, item.structure.composition.reduced_formula, *item.facts.values()]
        writer.writerow([cell(value) if isinstance(value, str) else value for value in row])
    return text.getvalue()


def metadata(parcel: Parcel, sizes: Mapping[str, int]) -> dict[str, Any]:
    """``ro-crate-metadata.json``. sizes: of the files, in bytes."""
    return {"@context": f"{_CONTEXT}/context", "@graph": list(_entities(parcel, sizes))}


def _entities(parcel: Parcel, sizes: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    manifest = parcel.judged.run.manifest
    licence, authors = _licence(parcel.licence), _authors(parcel.authors)
    software = _software(parcel)
    day = manifest.started
    yield {
        "@id": METADATA,
        "@type": "CreativeWork",
        "conformsTo": _to(_CONTEXT),
        "about": _to("./"),
    }
    yield {
        "@id": "./",
        "@type": "Dataset",
        "name": parcel.title,
        "description": parcel.about,
        "datePublished": day,
        "license": _to(licence["@id"]),
        **_by("author", authors),
        "hasPart": [_to(name) for name in sizes],
        "mentions": _to("#run"),
        "variableMeasured": [_to(f"#{fact.name}") for fact in parcel.facts],
        "keywords": ["crystal structure", "generative model", *parcel.program.system],
    }
    yield licence
    yield from authors
    for name, size in sizes.items():
        kind, about = _FILES[name]
        yield {
            "@id": name,
            "@type": "File",
            "name": name,
            "description": about,
            "encodingFormat": kind,
            "contentSize": str(size),
        }
    for fact in parcel.facts:
        yield {
            "@id": f"#{fact.name}",
            "@type": "PropertyValue",
            "name": fact.name,
            "description": fact.about,
            **({"unitText": fact.unit} if fact.unit else {}),
        }
    yield from software
    yield {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"The run {followed(parcel.judged.folder).name}",
        "description": parcel.about,
        "startTime": day,
        "instrument": [_to(one["@id"]) for one in software],
        "object": _to(PROGRAM),
        "result": [_to(CRYSTALS), _to(TABLE)],
        "actionStatus": _to("http://schema.org/CompletedActionStatus"),
        **_by("agent", authors),
    }


def _software(parcel: Parcel) -> list[dict[str, Any]]:
    """What made the data: scoutlang, the generative model if there was one, the potentials."""
    manifest = parcel.judged.run.manifest
    found = [
        {
            "@id": "#scoutlang",
            "@type": "SoftwareApplication",
            "name": "scoutlang",
            "softwareVersion": manifest.scoutlang,
        }
    ]
    if manifest.model:
        found.append(
            {
                "@id": "#model",
                "@type": "SoftwareApplication",
                "name": manifest.model.name,
                "description": "The generative model",
                "softwareVersion": f"SHA-256 {manifest.model.weights_sha256}",
            }
        )
    for item in {one.potential: one for one in parcel.items}.values():
        by = item.provenance
        found.append(
            {
                "@id": f"#potential-{len(found)}",
                "@type": "SoftwareApplication",
                "name": by.potential,
                "description": "The interatomic potential of all energies; not DFT",
                "softwareVersion": f"{by.potential_version}, SHA-256 {by.potential_weights_sha256}",
            }
        )
    return found


def _licence(given: str) -> dict[str, Any]:
    """A contextual entity, as RO-Crate wants it; also where nothing is known."""
    if not given:
        return {
            "@id": "#licence",
            "@type": "CreativeWork",
            "name": "no licence given",
            "description": _NO_LICENCE,
        }
    url = given if given.startswith(("https://", "http://")) else f"{_SPDX}{given}"
    return {
        "@id": url,
        "@type": "CreativeWork",
        "name": given,
        "description": f"The licence of this data, as its makers say: {given}",
    }


def _authors(names: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"@id": f"#author-{number}", "@type": "Person", "name": name}
        for number, name in enumerate(names, start=1)
    ]


def _by(what: str, people: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The people in that role, if any; one stands alone, as JSON-LD of RO-Crate is written."""
    found = [_to(one["@id"]) for one in people]
    return {what: found[0] if len(found) == 1 else found} if found else {}


def _to(id_: str) -> dict[str, str]:
    return {"@id": id_}


FORMAT = Format(
    about="an RO-Crate 1.1: crystals, table, hypothesis, and metadata as linked data (FAIR)",
    makes="folder",
    write=write,
)
