"""The manifest of a run."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from scoutlang.interfaces.api import check_source
from scoutlang.ir import Program
from scoutlang.ir.source import Source
from scoutlang.runs.folder import RunFolder, goes_on
from scoutlang.runs.manifest import MANIFEST, Cost, Manifest
from scoutlang.runs.status import status_of
from tools.fuzz import mutations

SECONDS = 5.0
TEXTS = (
    "system Cu-P\nrequire CN(Cu-P) = 4\nsample 4\n",
    "system Cu-Si-P\natoms <= 12\nrequire a: each (CN(Cu-P) = 4 or not CN(Cu-Si) > 1)\n"
    "prefer density as high as possible\nguide k = ramp(0 -> 0.8, cosine)\nrelax off\n",
    "system Na-Cl\nformula NaCl\nrequire fraction(CN(Na-Cl) = 6) > 0.5 and min_distance > 2\n",
)


def programs() -> list[Program]:
    found = [check_source(Source("x.scout", text)).program for text in TEXTS]
    return [one for one in found if one is not None]


def seeds(folder: Path) -> list[bytes]:
    cost = Cost(structures=4, seconds=1.5, evaluations=40, diverged=0)
    made = [
        Manifest.begin(one, ("non-guided", "guided"), batches={"guided-000000": cost})
        for one in programs()
    ]
    return [json.dumps(one.to_data()).encode() for one in made]


def change(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    changed = mutations.values(rng, data)
    if rng.random() < 0.7:  # the digest of what is there now, so that more than it is read
        try:
            tree: Any = json.loads(changed)
            tree["digest"] = Program.digest_of(tree["program"])
            changed = json.dumps(tree).encode()
        except Exception:  # whatever is no program any more has no digest
            return changed
    return changed


def feed(data: bytes, folder: Path) -> str:
    place = folder / "run"
    place.mkdir(exist_ok=True)
    (place / MANIFEST).write_bytes(data)
    run = RunFolder.open(place)
    status_of(run)
    goes_on(run.program, place, "") if not run.finished else None
    run.generated()
    json.dumps(run.manifest.changed(status="finished").to_data()).encode()
    return "read"
