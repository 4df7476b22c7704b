"""A checkpoint folder: its configuration, with weights that fit the unchanged one."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from scoutlang.sampling.mattergen.checkpoint import EMBEDDED, load_model
from tools.fuzz import mutations

SECONDS = 20.0
_HOSTILE = b"a: &a [1]\nb: *a\nc: ${a}\n_target_: os.system\n"


def seeds(folder: Path) -> list[bytes]:
    if not (folder / "model").exists():
        shutil.copytree(EMBEDDED["mini"], folder / "model")
    return [(EMBEDDED["mini"] / "config.yaml").read_bytes()]


def change(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    return mutations.tokens(
        rng, data, [*others, b"a: &a [1]\nb: *a\nc: ${a}\n_target_: os.system\n"]
    )


def feed(data: bytes, folder: Path) -> str:
    (folder / "model" / "config.yaml").write_bytes(data)
    load_model(str(folder / "model"))
    return "read"
