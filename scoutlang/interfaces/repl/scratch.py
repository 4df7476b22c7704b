"""The folder that goes with a session, also where the session could not take it along: what killed
ones left is removed by the next.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

_PREFIX = "scout-"
_LOCK = "session.lock"
_YOUNG = 60.0  # seconds: a session that makes its folder just now may not hold its lock yet


class Scratch:
    """A new folder, held as long as this process lives or until `cleanup`: the system takes a lock
    away when its process ends, however it ends.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=_PREFIX)
        self.path = Path(self._folder.name)
        self._lock = FileLock(self.path / _LOCK)
        with suppress(OSError):  # a file system without locks
            self._lock.acquire(blocking=False)
        _remove_dead(self.path)

    def cleanup(self) -> None:
        self._lock.release()
        self._folder.cleanup()


def _remove_dead(mine: Path) -> None:
    """Remove the folders beside ours that a session of the same user made and no process holds."""
    for folder in mine.parent.glob(f"{_PREFIX}*"):
        lock = folder / _LOCK
        with suppress(OSError):  # also that another process holds the lock
            ours = not folder.is_symlink() and folder.stat().st_uid == mine.stat().st_uid
            if (
                not ours
                or lock.is_symlink()
                or not lock.is_file()
                or time.time() - lock.stat().st_mtime < _YOUNG
            ):
                continue
            with FileLock(lock, blocking=False):
                shutil.rmtree(folder, ignore_errors=True)
