"""What a stage found, kept by what it depends on, so that a validation goes on where it was
interrupted and does nothing twice.

A file for each stage and fingerprint. It only saves time: a file that is damaged, or a folder that
cannot be written, costs a second look.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from scoutlang.support.files import write_whole
from scoutlang.validation.record import Outcome

_OUTCOMES = TypeAdapter(list[Outcome])


@dataclass(frozen=True)
class Store:
    """``folder`` is made when the first stage is done."""

    folder: Path

    def find(self, stage: str, fingerprint: str, count: int) -> list[Outcome] | None:
        """The outcomes of a stage on ``count`` structures, None where they are not known."""
        try:
            outcomes = _OUTCOMES.validate_json(self._file(stage, fingerprint).read_bytes())
        except (OSError, ValidationError):
            return None
        return shared(outcomes) if len(outcomes) == count else None

    def keep(self, stage: str, fingerprint: str, outcomes: Sequence[Outcome]) -> None:
        content = as_json(outcomes)
        with contextlib.suppress(OSError):
            self.folder.mkdir(exist_ok=True)
            write_whole(self._file(stage, fingerprint), lambda path: path.write_bytes(content))

    def _file(self, stage: str, fingerprint: str) -> Path:
        return self.folder / f"{stage}-{fingerprint[:24]}.json"


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
