"""A zip of structure files, and a list, a tar and a folder of the same."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

from scoutlang.crystals.io import read_structures, unread
from tools.fuzz import cif, extxyz, mutations, poscar
from tools.fuzz.crystals import outcome

SECONDS = 8.0


def seeds(folder: Path) -> list[bytes]:
    found = []
    for how in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", how) as archive:
            archive.writestr("a/one.cif", cif.seeds(folder)[0])
            archive.writestr("two.extxyz", extxyz.seeds(folder)[0])
            archive.writestr("POSCAR_3", poscar.seeds(folder)[1])
            archive.writestr("notes.txt", b"none")
        found.append(stream.getvalue())
    return found


def change(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    if rng.random() < 0.5:
        return mutations.raw(rng, data)
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
        for member in old.infolist():
            inside = old.read(member)
            if rng.random() < 0.5:
                inside = mutations.tokens(rng, inside, [inside])
            name = member.filename
            if rng.random() < 0.3:
                name = rng.choice(("../x.cif", "/x.cif", "\x1b[2J.cif", "a" * 500 + ".cif", name))
            new.writestr(name, inside, rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))
    return stream.getvalue()


def feed(data: bytes, folder: Path) -> str:
    file = folder / "x.zip"
    file.write_bytes(data)
    unread(file)
    return outcome(list(read_structures(file)))
