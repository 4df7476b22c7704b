"""An extended XYZ file."""

from __future__ import annotations

import random
from pathlib import Path

from tools.fuzz import mutations
from tools.fuzz.crystals import SECONDS, crystals, fed

__all__ = ["SECONDS"]


def seeds(folder: Path) -> list[bytes]:
    found = []
    for one in crystals():
        cell = " ".join(f"{x:.6f}" for x in one.lattice.matrix.ravel())
        rows = "\n".join(
            f"{site.specie.symbol} {' '.join(f'{x:.6f}' for x in site.coords)}" for site in one
        )
        head = f'Lattice="{cell}" Properties=species:S:1:pos:R:3 pbc="T T T" energy=-1.5'
        found.append(f"{len(one)}\n{head}\n{rows}\n".encode())
    return [*found, b"".join(found)]


def change(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    return mutations.tokens(rng, data, others)


def feed(data: bytes, folder: Path) -> str:
    return fed(data, "x.extxyz", folder)
