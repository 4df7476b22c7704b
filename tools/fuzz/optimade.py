"""The answer of an OPTIMADE server."""

from __future__ import annotations

import json
import os
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

from scoutlang.validation.reference import adding
from scoutlang.validation.reference.fetching import Server
from scoutlang.validation.reference.optimade import Client
from tools.fuzz import mutations

SECONDS = 5.0


def seeds(folder: Path) -> list[bytes]:
    os.environ["SCOUT_DATA"] = str(folder)
    attributes = {
        "elements": ["Cl", "Na"],
        "nelements": 2,
        "nsites": 2,
        "nperiodic_dimensions": 3,
        "dimension_types": [1, 1, 1],
        "lattice_vectors": [[0, 2.8, 2.8], [2.8, 0, 2.8], [2.8, 2.8, 0]],
        "cartesian_site_positions": [[0, 0, 0], [2.8, 2.8, 2.8]],
        "species_at_sites": ["Na", "Cl"],
        "species": [
            {"name": "Na", "chemical_symbols": ["Na"], "concentration": [1.0]},
            {"name": "Cl", "chemical_symbols": ["Cl"], "concentration": [1.0]},
        ],
        "structure_features": [],
    }
    page = {
        "data": [{"id": f"x-{k}", "type": "structures", "attributes": attributes} for k in (1, 2)],
        "meta": {"data_returned": 2, "data_available": 5, "more_data_available": False},
        "links": {"next": None},
    }
    return [json.dumps(page).encode(), json.dumps(page | {"data": []}).encode()]


def change(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    return mutations.values(rng, data)


@dataclass(frozen=True)
class _Fed(Client):
    page: bytes = b""

    def _answer(self, server: Server, url: str, *, first: bool) -> bytes:
        return self.page


def feed(data: bytes, folder: Path) -> str:
    shutil.rmtree(folder / "references", ignore_errors=True)

    def client(url: str) -> Client:
        return _Fed(url, page=data, pause=0.0)

    about = adding.add(
        "theirs", "https://example.org", elements=("Cl", "Na"), max_atoms=20, client=client
    )
    json.dumps(about).encode()
    return "read"
