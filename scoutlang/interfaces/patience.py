"""Ctrl-C while a run works: once finishes what is begun, twice stops at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from scoutlang.interfaces.interrupts import pressing
from scoutlang.ir import Arm
from scoutlang.runs.glance import Glance
from scoutlang.runs.run import Watcher


class Patient:
    """A `Watcher` that hands on what it sees. After Ctrl-C what is being worked on is finished and
    nothing more is begun; where nothing is to be waited for, and the second time, it stops at once.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._working: dict[Arm, bool] = {}
        self._left: dict[Arm, int] = {}
        self._said = self._relaxing = False
        self.pressed = False
        self.began = False
        """Whether a batch was worked on."""

    @property
    def sampled(self) -> bool:
        """Whether every structure is there."""
        return bool(self._left) and not any(self._left.values())

    @property
    def stopping(self) -> bool:
        return self.pressed

    def press(self) -> None:
        """Ctrl-C. Raises KeyboardInterrupt where nothing is to be waited for, and the second
        time.
        """
        if self.pressed or not (any(self._working.values()) or self.sampled or self._relaxing):
            raise KeyboardInterrupt
        self.pressed = True

    def note(self, text: str) -> None:
        self._watcher.note(text)

    def sampling(self, arm: Arm, done: int, total: int, working: Sequence[Glance]) -> None:
        # workers of a cluster say nothing before a batch is done
        self._working[arm], self._left[arm] = bool(working) or 0 < done < total, total - done
        self.began = self.began or bool(working)
        self._tell("finishing what was begun")
        self._watcher.sampling(arm, done, total, working)

    def judging(self, stage: str, done: int, total: int) -> None:
        self._relaxing = relaxing = stage.startswith("relax ")
        self._tell(
            "finishing what was begun" if relaxing else "all structures are there, judging them"
        )
        self._watcher.judging(stage, done, total)

    def _tell(self, what: str) -> None:
        if self.pressed and not self._said:
            self._said = True
            self._watcher.note(f"Ctrl-C: {what}; press it again to stop at once")


@contextmanager
def patiently(watcher: Watcher) -> Iterator[Patient]:
    """In this block Ctrl-C is for the patient one that watches."""
    patient = Patient(watcher)
    with pressing(patient.press):
        yield patient
