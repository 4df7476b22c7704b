"""Where the files beside the Python code are: the grammar and the standard library. Nobody else builds such paths."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(*parts: str) -> Path:
    """Path of a shipped file, ``resource("grammar", "scout.lark")``.

    A wheel holds `grammar` and `stdlib` inside the package; a checkout holds them beside it.
    """
    packaged = _PACKAGE.joinpath(*parts)
    return packaged if packaged.exists() else _PACKAGE.parent.joinpath(*parts)
