"""The text of a program."""

from __future__ import annotations

import json
import random
from pathlib import Path

from scoutlang.interfaces.api import check_source
from scoutlang.ir import Program
from scoutlang.ir.source import Source
from scoutlang.language.diagnostics.render.json import as_data
from scoutlang.language.diagnostics.render.text import render
from scoutlang.language.reading import decode
from scoutlang.support.resources import resource
from tools.fuzz import mutations

SECONDS = 5.0


def seeds(folder: Path) -> list[bytes]:
    files = [*resource("stdlib").glob("*.scout"), *resource("examples").glob("*.scout")]
    return [file.read_bytes() for file in sorted(files)]


def change(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    return mutations.tokens(rng, data, others)


def feed(data: bytes, folder: Path) -> str:
    source = decode(data, "x.scout")
    result = check_source(Source("x.scout", source.text, folder))
    said = render(result.diagnostics, result.source)
    assert all(c.isprintable() or c == "\n" for c in said)
    json.dumps(as_data(result.diagnostics, result.source), allow_nan=False)
    if result.program is None:
        return next(d.code for d in result.diagnostics if d.severity == "error")
    assert Program.from_json(result.program.to_json()) == result.program
    return "read"
