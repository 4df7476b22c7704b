"""A POSCAR."""

from __future__ import annotations

import random
from pathlib import Path

from tools.fuzz import mutations
from tools.fuzz.crystals import SECONDS, crystals, fed

__all__ = ["SECONDS"]


def seeds(folder: Path) -> list[bytes]:
    found = [one.to(fmt="poscar").encode() for one in crystals()]
    return [*found, found[0].replace(b"direct", b"Selective dynamics\ndirect"), found[1] + b"\n"]


def change(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    return mutations.tokens(rng, data, others)


def feed(data: bytes, folder: Path) -> str:
    return fed(data, "POSCAR", folder)
