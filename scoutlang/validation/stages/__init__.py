"""The stages of the validation, one file each, in the order in which they run.

A stage asks one question of every structure that passed the stages it needs, and answers with one `Outcome` per structure.
An exception raised by one structure is an outcome of that structure; it never ends the run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from scoutlang.ir import Program
from scoutlang.potentials import Potential
from scoutlang.validation.record import Outcome, Record
from scoutlang.validation.reference import Reference

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Context:
    """What stages may use. ``report(done, total)`` shows progress of the running stage."""

    program: Program
    potential: Potential
    reference: Reference
    report: Callable[[int, int], None]


class Stage(Protocol):
    """``needs``: stages that a structure must have passed. ``adds``: columns of the record, ``*`` standing for a term's label."""

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    adds: ClassVar[tuple[str, ...]]

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        """One outcome per record, in order."""
        ...


def one_by_one(ask: Callable[[Record], Outcome], records: Sequence[Record], context: Context) -> list[Outcome]:
    """Ask a question of each record; an exception becomes the outcome ``failed`` with its text."""
    outcomes = []
    for done, record in enumerate(records, start=1):
        try:
            outcomes.append(ask(record))
        except Exception as error:  # whatever one structure does, the others go on
            outcomes.append(Outcome("failed", describe(error)))
        context.report(done, len(records))
    return outcomes


def describe(error: Exception) -> str:
    """One line for a record: the kind of error and the first line of its message."""
    return f"{type(error).__name__}: {error}".splitlines()[0]
