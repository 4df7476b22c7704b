"""What a form of export says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scoutlang.report.exports._item import Item, Parcel


def _fits(item: Item) -> str:
    return ""


@dataclass(frozen=True)
class Format:
    """A form in which structures leave."""

    about: str
    """For the help: what it is, and what reads it."""
    makes: str
    """``file.db``, ``folder``: what is written."""
    write: Callable[[Parcel, Path], None]
    """Into a place where nothing is yet. Raises OSError."""
    unfit: Callable[[Item], str] = _fits
    """Why a structure cannot be written in this form; empty if it can."""
