"""What formats for other programs have in common: a message in one text, and how editors count
columns and name files.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from scoutlang.language.diagnostics.model import Diagnostic


def whole_message(diagnostic: Diagnostic) -> str:
    """Message, cause and help in one text, for programs that show nothing beside the place."""
    cause = diagnostic.primary.text if diagnostic.primary else ""
    first = f"{diagnostic.message}: {cause}" if cause else diagnostic.message
    return f"{first}\n{diagnostic.help}" if diagnostic.help else first


def utf16_units(text: str) -> int:
    """Length in UTF-16 code units: characters beyond the Basic Multilingual Plane take two."""
    return sum(2 if c > "\uffff" else 1 for c in text)


def relative_uri(name: str) -> str:
    """The URI reference of a `Source` name: a path stays relative to the working folder, ``<text>``
    is escaped.
    """
    path = Path(name)
    return path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))


def document_uri(name: str) -> str:
    """The absolute URI of a `Source` name, ``untitled:`` for a program that is no file."""
    if name.startswith("<") and name.endswith(">"):
        return f"untitled:{quote(name[1:-1])}"
    return Path(os.path.abspath(name)).as_uri()
