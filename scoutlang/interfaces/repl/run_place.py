"""Whether a run may go into a folder. Imports nothing heavy: what is wrong is said before a model
is loaded.
"""

from __future__ import annotations

import json
from pathlib import Path

from scoutlang.ir import Program
from scoutlang.support.errors import ScoutError

_MANIFEST = "run.json"  # of `run_folder`, whose import takes seconds
_MOST = 16 << 20  # bytes of a manifest; what is larger is for `run` to judge


def goes_on(program: Program, folder: Path) -> bool:
    """Whether the folder holds a run of this program that has not come to its end; False: nothing
    is there yet. Raises ScoutError E601 for all else.
    """
    try:
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            return False
        file = folder / _MANIFEST
        found = (
            json.loads(file.read_bytes())
            if file.is_file() and file.stat().st_size <= _MOST
            else None
        )
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ScoutError(
            "E601",
            f"{folder} exists and holds no run",
            "choose another folder, or :run alone, which finds one",
        )
    if found.get("digest") != program.digest():
        raise ScoutError(
            "E601",
            f"{folder} holds a run of another program, or with other settings",
            "choose another folder, or :run alone, which finds one",
        )
    if found.get("status") == "finished":
        raise ScoutError(
            "E601",
            f"{folder} holds this run, and it is finished",
            "choose another folder for another one, or change the seed",
        )
    return True
