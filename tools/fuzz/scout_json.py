"""What a checkpoint folder says of its training, scout.json."""

from __future__ import annotations

import random
from pathlib import Path

from scoutlang.sampling.mattergen import checkpoint
from tools.fuzz import mutations

SECONDS = 5.0


def seeds(folder: Path) -> list[bytes]:
    return [
        b'{"max_atoms": 8, "elements": ["P", "Cu", "Na"], "num_atoms": {"2": {"3": 2, "4": 1}},'
        b' "corrector": {"steps": 1, "pos": 0.5, "cell": 0.2, "known": 0.4}, "log": [{"a": 1}]}',
    ]


def change(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    return mutations.values(rng, data)


def feed(data: bytes, folder: Path) -> str:
    (folder / "scout.json").write_bytes(data)
    facts = checkpoint._facts(folder / "scout.json")
    assert 1 <= facts["max_atoms"] <= 1000
    assert all(0 < w < 1e16 for row in facts["num_atoms"].values() for w in row.values())
    return "read"
