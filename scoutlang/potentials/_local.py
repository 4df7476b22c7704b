"""Models of one's own: ``NAME:PATH``, and ``NAME:PATH#HASH`` where opening the file may run code
that is in it.

A pickled network and a TensorFlow graph are programs. They are opened only when the user has named
the beginning of their SHA-256, which is to say: I know this file, and I trust who made it. It also
holds a run to the bytes that were meant.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scoutlang.support.errors import ScoutError

_SHOWN = 16
"""Hexadecimal digits of the hash that suffice: 64 bits."""


@dataclass(frozen=True)
class LocalModel:
    """A model that a user named."""

    path: Path
    """Of its file or folder, absolute."""
    sha256: str
    """Of its bytes."""

    @property
    def name(self) -> str:
        return self.path.stem if self.path.is_file() else self.path.name


def local_model(
    potential: str, text: str, *, runs: str = "", parts: Sequence[str] = ()
) -> LocalModel:
    """The model that a user names.

    text: the path, with ``#`` and the beginning of the hash or without. runs: what of the model may
    run code; empty where it is only numbers. parts: what a folder is made of, as glob patterns;
    without, the model is one file. Raises ScoutError: E443 the hash must be named, E444 there is no
    such model, E445 the hash is another.
    """
    path, pin = _split(text)
    if not (path.is_dir() if parts else path.is_file()):
        raise ScoutError(
            "E444",
            f"no model for '{potential}' at {path}",
            f"give the path of a {'folder' if parts else 'file'}",
        )
    files = (
        [path]
        if not parts
        else [f for part in parts for f in sorted(path.glob(part)) if f.is_file()]
    )
    if not files:
        raise ScoutError(
            "E444", f"no model for '{potential}' in {path}", f"such a folder holds {parts[0]}"
        )
    try:
        digest = file_digest(path) if not parts else folder_digest(files)
    except OSError as error:
        raise ScoutError(
            "E444", f"the model {path} cannot be read: {error.strerror}", "check its permissions"
        ) from error
    if pin and not digest.startswith(pin):
        raise ScoutError(
            "E445",
            f"the hash of {path} begins with {digest[:_SHOWN]}, not with {pin}",
            "it is not the model that was meant",
        )
    if runs and not pin:
        hint = f"if you trust who made it, name its hash too: {potential}:{path}#{digest[:_SHOWN]}"
        raise ScoutError(
            "E443", f"{path} may run code on this machine when it is opened: {runs}", hint
        )
    return LocalModel(path.resolve(), digest)


def _split(text: str) -> tuple[Path, str]:
    """A ``#`` that is part of the file's name stays there."""
    found = re.fullmatch(rf"(.+)#([0-9a-fA-F]{{{_SHOWN},64}})", text)
    return (
        (Path(found[1]).expanduser(), found[2].lower()) if found else (Path(text).expanduser(), "")
    )


def file_digest(file: Path) -> str:
    """SHA-256."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folder_digest(files: Sequence[Path]) -> str:
    """SHA-256 over the names and contents of files."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
