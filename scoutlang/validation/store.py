"""What a stage found, kept by what it depends on, so that a validation goes on where it was
interrupted and does nothing twice.

A file for each stage and fingerprint. It only saves time: a file that is damaged, or a folder that
cannot be written, costs a second look.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from scoutlang.support.files import write_whole
from scoutlang.validation.record import Outcome, Status


@dataclass(frozen=True)
class Store:
    """``folder`` is made when the first stage is done."""

    folder: Path

    def find(self, stage: str, fingerprint: str, count: int) -> list[Outcome] | None:
        """The outcomes of a stage on ``count`` structures, None where they are not known."""
        try:
            rows = json.loads(self._file(stage, fingerprint).read_text(encoding="utf-8"))
            outcomes = [
                Outcome(status, str(reason), dict(values)) for status, reason, values in rows
            ]
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        known = len(outcomes) == count and all(o.status in get_args(Status) for o in outcomes)
        return outcomes if known else None

    def keep(self, stage: str, fingerprint: str, outcomes: Sequence[Outcome]) -> None:
        text = json.dumps(
            [[o.status, o.reason, dict(o.values)] for o in outcomes],
            ensure_ascii=False,
            allow_nan=False,
        )
        with contextlib.suppress(OSError):
            self.folder.mkdir(exist_ok=True)
            write_whole(
                self._file(stage, fingerprint), lambda path: path.write_text(text, encoding="utf-8")
            )

    def _file(self, stage: str, fingerprint: str) -> Path:
        return self.folder / f"{stage}-{fingerprint[:24]}.json"
