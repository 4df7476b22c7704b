"""Models of one's own: ``NAME:PATH``, and ``NAME:PATH#HASH`` where opening the file may run code
that is in it.

A pickled network and a TensorFlow graph are programs. They are opened only when the user has named
the beginning of their SHA-256, which is to say: I know this file, and I trust who made it. It also
holds a run to the bytes that were meant.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scoutlang.ir.elements import SYMBOLS
from scoutlang.potentials._calculators import CalculatorPotential
from scoutlang.potentials._potential import Facts, needed
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import file_digest, followed

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

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


def own_model(
    facts: Facts,
    potential: str,
    make: Callable[[Path], Calculator],
    elements: Container[str] = SYMBOLS,
    *,
    runs: str = "",
    parts: Sequence[str] = (),
) -> Callable[[str], CalculatorPotential]:
    """→ the function ``local`` of a potential, which takes the model that a user names. It raises
    ScoutError E440, and E443 to E445 of `local_model`, which explains the rest.

    make: from the path of the model. elements: those that such models know.
    """

    def local(text: str) -> CalculatorPotential:
        installed = needed(facts)
        model = local_model(potential, text, runs=runs, parts=parts)
        name = f"{potential}-{model.name}"
        calculator = partial(make, model.path)
        return CalculatorPotential(name, installed, model.sha256, calculator, elements)

    return local


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
    files = files_of(path, parts) if parts else [path]
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
    return LocalModel(followed(path), digest)


def files_of(folder: Path, parts: Sequence[str]) -> list[Path]:
    """What a folder model is made of, by glob patterns."""
    return [file for part in parts for file in sorted(folder.glob(part)) if file.is_file()]


def _split(text: str) -> tuple[Path, str]:
    """A ``#`` that is part of the file's name stays there."""
    found = re.fullmatch(rf"(.+)#([0-9a-fA-F]{{{_SHOWN},64}})", text)
    return (
        (Path(found[1]).expanduser(), found[2].lower()) if found else (Path(text).expanduser(), "")
    )


def folder_digest(files: Sequence[Path]) -> str:
    """SHA-256 over the names and contents of files."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
