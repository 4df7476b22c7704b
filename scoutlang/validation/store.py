"""What a stage found, kept by what it depends on, so that a validation goes on where it was
interrupted and does nothing twice.

A file for each stage and fingerprint: a seal, then the outcomes. The seal says that this
installation wrote them (HMAC-SHA-256 with a key in the data folder, RFC 2104): a run folder comes
from anywhere, and what a stranger has written into it is no result. The files only save time: one
that is damaged or of somebody else, or a folder that cannot be written, costs a second look.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from scoutlang.support.files import read_bounded, write_whole
from scoutlang.support.resources import data_folder
from scoutlang.validation.record import Outcome

MAX_BYTES = 1 << 30
"""Of a file: 100 000 structures with ten terms have a quarter of it."""

KEY = "seal.key"
_KEY_BYTES = 32
_OUTCOMES = TypeAdapter(list[Outcome])


@dataclass(frozen=True)
class Store:
    """``folder`` is made when the first stage is done."""

    folder: Path
    afresh: bool = False
    """Whether nothing that is there is taken."""
    writes: bool = True
    """Whether anything is kept."""

    def find(self, stage: str, fingerprint: str, count: int) -> list[Outcome] | None:
        """The outcomes of a stage on ``count`` structures, None where they are not known."""
        if self.afresh:
            return None
        try:
            content = read_bounded(self._file(stage, fingerprint), MAX_BYTES)
            seal, _, kept = content.partition(b"\n")
            if not hmac.compare_digest(seal, _seal(stage, fingerprint, kept)):
                return None
            outcomes = _OUTCOMES.validate_json(kept)
        except (OSError, ValueError, ValidationError):
            return None
        return shared(outcomes) if len(outcomes) == count else None

    def keep(self, stage: str, fingerprint: str, outcomes: Sequence[Outcome]) -> None:
        if not self.writes:
            return
        kept = as_json(outcomes)
        content = _seal(stage, fingerprint, kept) + b"\n" + kept
        with contextlib.suppress(OSError):
            self.folder.mkdir(exist_ok=True)
            write_whole(self._file(stage, fingerprint), lambda path: path.write_bytes(content))

    def _file(self, stage: str, fingerprint: str) -> Path:
        return self.folder / f"{stage}-{fingerprint[:24]}.json"


def _seal(stage: str, fingerprint: str, kept: bytes) -> bytes:
    digest = hmac.new(_key(data_folder()), f"{stage} {fingerprint}\n".encode(), hashlib.sha256)
    digest.update(kept)
    return digest.hexdigest().encode()


@lru_cache(maxsize=4)
def _key(folder: Path) -> bytes:
    """Of this installation, made when it is first asked for. Where it cannot be kept it is of this
    process only.
    """
    file = folder / KEY
    new = secrets.token_bytes(_KEY_BYTES)
    with contextlib.suppress(OSError, ValueError):
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with open(descriptor, "wb") as stream:
                stream.write(new)
        found = read_bounded(file, _KEY_BYTES)
        if len(found) == _KEY_BYTES:
            return found
    return new


def shared(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The same, with one object for all that are alike: a large run has few kinds of those without
    numbers.
    """
    kinds: dict[str, Outcome] = {}
    return [
        one
        if one.terms or any(isinstance(v, float) for v in one.values.values())
        else kinds.setdefault(repr(one), one)
        for one in outcomes
    ]


def as_json(outcomes: Sequence[Outcome]) -> bytes:
    return _OUTCOMES.dump_json(list(outcomes))
