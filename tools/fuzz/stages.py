"""What a run folder holds beside its manifest: results of stages, sealed again, and batches."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from scoutlang.runs.folder import RunFolder
from scoutlang.runs.manifest import MANIFEST
from scoutlang.validation import store
from tools.fuzz import mutations, run_json
from tools.fuzz.crystals import crystals

SECONDS = 5.0
_OUTCOMES = [
    {"status": "passed", "reason": "", "values": {"volume_per_atom": 12.5}, "terms": []},
    {"status": "failed", "reason": "no", "values": {"hit": False, "group": "a", "n": 3}},
    {
        "status": "undefined",
        "reason": "no P",
        "values": {},
        "terms": [{"label": "a", "exact": 4.0, "margin": 0.1, "satisfied": True}],
    },
]


def seeds(folder: Path) -> list[bytes]:
    (folder / "run" / "samples").mkdir(parents=True, exist_ok=True)
    (folder / "run" / MANIFEST).write_bytes(run_json.seeds(folder)[0])
    rows = [
        {"index": k, "structure": one.as_dict(), "failure": None, "ancestor": None}
        for k, one in enumerate(crystals())
    ]
    return [json.dumps({"outcomes": _OUTCOMES}).encode(), json.dumps({"rows": rows}).encode()]


def change(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    return mutations.values(rng, data)


def feed(data: bytes, folder: Path) -> str:
    try:
        tree: Any = json.loads(data)
    except (ValueError, RecursionError):
        tree = None
    if isinstance(tree, dict) and "outcomes" in tree:
        return _stage(json.dumps(tree["outcomes"]).encode(), folder)
    inner = json.dumps(tree["rows"]).encode() if isinstance(tree, dict) and "rows" in tree else data
    run = RunFolder.open(folder / "run")
    file = run.part("guided", 0)
    file.write_bytes(inner)
    found = run.generated()
    for one in found:
        one.name.encode()
        json.dumps([one.failure, one.ancestor, one.origin, one.doubts]).encode()
    return "read" if all(one.failure is None for one in found) else "a batch that is damaged"


def _stage(kept: bytes, folder: Path) -> str:
    place = store.Store(folder / "stages")
    place.folder.mkdir(exist_ok=True)
    file = place.folder / f"hits-{'0' * 24}.json"
    file.write_bytes(store._seal("hits", "0" * 24, kept) + b"\n" + kept)
    found = place.find("hits", "0" * 24, len(_OUTCOMES))
    if found is None:
        return "done again"
    assert len(found) == len(_OUTCOMES)
    store.as_json(found)
    return "read"
