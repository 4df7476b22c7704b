"""Where the files beside the Python code are, the grammar, the standard library and the cookbook,
and where the user's own are. Nobody else builds such paths.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def resource(*parts: str) -> Path:
    """Path of a shipped file, ``resource("grammar", "scout.lark")``.

    A wheel holds `grammar`, `stdlib` and `examples/cookbook` inside the package; a checkout holds
    them beside it.
    """
    packaged = _PACKAGE.joinpath(*parts)
    return packaged if packaged.exists() else _PACKAGE.parent.joinpath(*parts)


def data_folder() -> Path:
    """Where what the user gathers lives, ``$SCOUT_DATA``, else ``$XDG_DATA_HOME/scoutlang``, else
    ``~/.local/share/scoutlang``; it need not exist.
    """
    return _folder("SCOUT_DATA", "XDG_DATA_HOME", ".local/share")


def cache_folder() -> Path:
    """Where what can be computed again lives, ``$SCOUT_CACHE``, else ``$XDG_CACHE_HOME/scoutlang``,
    else ``~/.cache/scoutlang``; it need not exist.
    """
    return _folder("SCOUT_CACHE", "XDG_CACHE_HOME", ".cache")


def _folder(own: str, base: str, usual: str) -> Path:
    if named := os.environ.get(own):
        return Path(named)
    if given := os.environ.get(base):
        return Path(given) / "scoutlang"
    try:
        return Path.home() / usual / "scoutlang"
    except RuntimeError:  # a user without a home: no folder can be here, and that is said
        return Path(os.devnull) / "scoutlang"


def code_digest() -> str:
    """SHA-256 of the package's own Python files: results are kept only for the code that found
    them. Takes about 10 ms.
    """
    digest = hashlib.sha256()
    for file in sorted(_PACKAGE.rglob("*.py")):
        digest.update(file.relative_to(_PACKAGE).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()
