"""A reference set in the data folder: its description, and its table of crystals with a hash that
fits.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
from pathlib import Path
from typing import Any

from scoutlang.validation.reference import ReferenceStructure, store
from tools.fuzz import mutations
from tools.fuzz.crystals import crystals

SECONDS = 10.0


def seeds(folder: Path) -> list[bytes]:
    os.environ["SCOUT_DATA"] = str(folder)
    place = folder / "references" / "theirs"
    if not place.exists():
        found = [ReferenceStructure(f"c{k}", "x", s, "c", "l") for k, s in enumerate(crystals())]
        about = {"source": "x", "licence": "l", "skipped": {"no cell": {"count": 1, "first": "a"}}}
        store.save("theirs", found, about)
        table = base64.b64encode((place / "structures.parquet").read_bytes()).decode()
        both = {"about": json.loads((place / "about.json").read_bytes()), "table": table}
        (folder / "seed").write_text(json.dumps(both), encoding="utf-8")
    return [(folder / "seed").read_bytes()]


def change(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    both: Any = json.loads(data)
    if rng.random() < 0.5:
        table = mutations.raw(rng, base64.b64decode(both["table"]))
        both["about"]["sha256"] = hashlib.sha256(table).hexdigest()
        both["table"] = base64.b64encode(table).decode()
        about = json.dumps(both["about"])
    else:
        about = mutations.values(rng, json.dumps(both["about"]).encode()).decode("utf-8", "replace")
    return json.dumps({"about": about, "table": both["table"]}).encode()


def feed(data: bytes, folder: Path) -> str:
    both: Any = json.loads(data)
    place = folder / "references" / "theirs"
    (place / "structures.parquet").write_bytes(base64.b64decode(both["table"]))
    about = both["about"] if isinstance(both["about"], str) else json.dumps(both["about"])
    (place / "about.json").write_bytes(mutations.encoded(about))
    wrong = list(store.damages("theirs"))
    assert all(isinstance(one, str) for one in wrong)
    found = store.load_one("theirs")
    found.subset(["Na", "Cl"])
    return "damaged" if wrong else "read"
