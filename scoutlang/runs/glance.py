"""What a batch in work says of itself, as plain data: for displays, also in another process."""

from __future__ import annotations

import time
from dataclasses import dataclass

from scoutlang.runs.trace import Moment, TermLoss

_EVERY = 1.0
"""Seconds between two looks at a batch."""
_SHARE = 0.02
"""Of the time, the most that looking takes."""


@dataclass(frozen=True)
class Glance:
    """A batch after a step. The structures are looked at now and then; in between, what was seen
    last is said again.
    """

    structures: int
    step: int
    steps: int
    diverged: int = 0
    hit_share: float | None = None
    """Share of the batch that satisfies every `require` now; None while no guidance acts, and where
    nothing is required.
    """
    losses: tuple[TermLoss, ...] = ()
    """The guiding terms, largest mean loss first; none while no guidance acts."""

    @property
    def reached(self) -> float:
        """How far it is, in structures."""
        return self.structures * self.step / self.steps


class Glances:
    """Makes glances of the moments of one batch."""

    def __init__(self) -> None:
        self._due = 0.0
        self._last: tuple[int, float | None, tuple[TermLoss, ...]] = (0, None, ())

    def of(self, moment: Moment) -> Glance:
        started = time.monotonic()
        if started >= self._due:
            self._last = moment.diverged, moment.hit_share, tuple(moment.losses)
            now = time.monotonic()
            self._due = now + max(_EVERY, (now - started) / _SHARE)
        progress = moment.progress
        return Glance(len(progress.broken), progress.step, progress.steps, *self._last)
