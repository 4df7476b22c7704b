"""OPTIMADE: a file of JSON lines and the settings of a server that serves it.

The attributes are those of the OPTIMADE specification 1.2, section "Structures Entries"; the lines
are as ``optimade-maker`` writes them: a header, the properties, then an entry in each.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from pymatgen.core import Composition, Structure

from scoutlang.report.exports._format import Format
from scoutlang.report.exports._item import Fact, Item, Parcel

LINES, SETTINGS, README = "optimade.jsonl", "optimade_config.json", "README.md"
PREFIX = "scout"
_VERSION = "1.2.0"
_TYPES = {"text": "string", "number": "float", "whole": "integer", "truth": "integer"}
"""Truths are 1 and 0: the reference server (1.5) answers no filter with TRUE or FALSE."""

_ABOUT = """\
# {title}

{about}

`{lines}` has the structures as OPTIMADE entries, `{settings}` the settings of a server for them.
With `pip install "optimade[server]"` (1.5 is what was tried), in this folder:

    OPTIMADE_CONFIG_FILE={settings} uvicorn optimade.server.main:app --port 5000
    curl -G http://localhost:5000/v1/structures --data-urlencode 'filter=_{prefix}_hit=1'

The prefix `_{prefix}_` is not registered with OPTIMADE: who serves this to the world puts their own
in both files.
"""


def write(parcel: Parcel, place: Path) -> None:
    """The folder. Raises OSError."""
    place.mkdir()
    when = datetime.fromisoformat(parcel.judged.run.manifest.started).astimezone(UTC)
    lines = [
        {"x-optimade": {"meta": {"api_version": _VERSION}}},
        {
            "type": "info",
            "id": "structures",
            "description": parcel.about,
            "properties": {_name(fact): _property(fact) for fact in parcel.facts},
        },
        *(_entry(item, when) for item in parcel.items),
    ]
    with (place / LINES).open("w", encoding="utf-8", newline="\n") as stream:
        for line in lines:
            stream.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
    settings = json.dumps(_settings(parcel), indent=1, ensure_ascii=False)
    (place / SETTINGS).write_text(settings + "\n", encoding="utf-8")
    about = _ABOUT.format(
        title=parcel.title, about=parcel.about, lines=LINES, settings=SETTINGS, prefix=PREFIX
    )
    (place / README).write_text(about, encoding="utf-8")


def _settings(parcel: Parcel) -> dict[str, Any]:
    """Of the reference server, ``optimade.server``; its memory holds the entries."""
    return {
        "insert_test_data": False,
        "insert_from_jsonl": LINES,
        "database_backend": "mongomock",
        "provider": {
            "prefix": PREFIX,
            "name": parcel.title,
            "description": parcel.about,
            "homepage": None,
        },
        "provider_fields": {
            "structures": [{"name": _name(fact), **_property(fact)} for fact in parcel.facts]
        },
    }


def _name(fact: Fact) -> str:
    return f"_{PREFIX}_{fact.name}"


def _property(fact: Fact) -> dict[str, Any]:
    about = f"{fact.about} (1: yes, 0: no)" if fact.kind == "truth" else fact.about
    found = {"type": _TYPES[fact.kind], "description": about}
    return found | ({"unit": fact.unit} if fact.unit else {})


def _entry(item: Item, when: datetime) -> dict[str, Any]:
    own = {
        f"_{PREFIX}_{name}": int(value) if isinstance(value, bool) else value
        for name, value in item.facts.items()
    }
    return {
        "type": "structures",
        "id": item.id,
        "attributes": attributes(item.structure)
        | {"last_modified": when.strftime("%Y-%m-%dT%H:%M:%SZ"), "immutable_id": None}
        | own,
    }


def attributes(structure: Structure) -> dict[str, Any]:
    """What OPTIMADE says of a crystal of whole atoms."""
    symbols = [site.specie.symbol for site in structure]  # H also where it is deuterium
    composition = Composition({symbol: symbols.count(symbol) for symbol in symbols})
    elements = sorted(set(symbols))
    return {
        "elements": elements,
        "nelements": len(elements),
        "elements_ratios": [composition.get_atomic_fraction(one) for one in elements],
        "chemical_formula_descriptive": composition.reduced_formula,
        "chemical_formula_reduced": _reduced(composition),
        "chemical_formula_hill": composition.hill_formula.replace(" ", ""),
        "chemical_formula_anonymous": _anonymous(composition),
        "dimension_types": [1, 1, 1],
        "nperiodic_dimensions": 3,
        "lattice_vectors": structure.lattice.matrix.tolist(),
        "cartesian_site_positions": structure.cart_coords.tolist(),
        "nsites": len(structure),
        "species": [
            {"name": symbol, "chemical_symbols": [symbol], "concentration": [1.0]}
            for symbol in elements
        ],
        "species_at_sites": symbols,
        "structure_features": [],
    }


def _counts(composition: Composition) -> dict[str, int]:
    """Symbol → how many, without a common divisor."""
    counts = {str(one): round(count) for one, count in composition.items()}
    divisor = math.gcd(*counts.values())
    return {symbol: count // divisor for symbol, count in counts.items()}


def _reduced(composition: Composition) -> str:
    """The elements in alphabetical order, ``1`` left out."""
    counts = sorted(_counts(composition).items())
    return "".join(f"{symbol}{count if count > 1 else ''}" for symbol, count in counts)


def _anonymous(composition: Composition) -> str:
    """``A2B`` of H2O: letters A to Z, then Aa to Za and so on, the largest number first."""
    numbers = sorted(_counts(composition).values(), reverse=True)
    return "".join(f"{_letter(k)}{n if n > 1 else ''}" for k, n in enumerate(numbers))


def _letter(place: int) -> str:
    turn, letter = divmod(place, len(ascii_uppercase))
    return ascii_uppercase[letter] + (ascii_uppercase[turn - 1].lower() if turn else "")


FORMAT = Format(
    about="a folder that the OPTIMADE reference server serves (JSON lines, settings)",
    makes="folder",
    write=write,
)
