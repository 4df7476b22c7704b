"""The stages of the validation, one file each. The file is the registration: its ``STAGE`` is the
stage. Files with a leading underscore serve the others.

A stage asks one question of every structure that passed the stages it needs, and answers with one
`Outcome` per structure. An exception raised by one structure is an outcome of that structure; it
never ends the run. Their order follows from what they say of themselves.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from types import ModuleType
from typing import ClassVar, Literal

from scoutlang.ir import Program
from scoutlang.potentials import Potential
from scoutlang.support.engines import Engine, Here
from scoutlang.support.errors import ScoutError, first_line
from scoutlang.support.plugins import Group, Plugin, hidden, only, parts
from scoutlang.validation.record import Outcome, Record
from scoutlang.validation.reference import Reference

Progress = Callable[[str, int, int], None]

DIED = "no answer: "
"""Begins the reason of a structure at which a worker dies: it is asked again the next time."""
WORTH = 2.0
"""Seconds of work that are done in several processes."""


@dataclass(frozen=True)
class Context:
    """What stages may use."""

    program: Program
    potential: Potential
    reference: Reference
    report: Callable[[int, int], None]
    """``report(done, total)`` shows progress of the running stage."""
    engine: Engine = field(default_factory=Here)
    """Where a stage may have much work done."""


@dataclass(frozen=True)
class Column:
    """A column of the record, and how the table of the page shows it."""

    name: str
    about: str = ""
    """What it is, in a sentence for the page; a column without one is not shown there."""
    kind: Literal["text", "number", "truth"] = "number"
    title: str = ""
    """Its heading on the page, where that is not the name."""


class Stage(ABC):
    """A stage is a frozen dataclass; its fields are its settings. All that is shown of it stands in
    its class.
    """

    name: str
    question: ClassVar[str] = ""
    """What it asks of each structure; docs/validation.md has it."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Stages that a structure must have passed."""
    after: ClassVar[tuple[str, ...]] = ()
    """Stages that must have run."""
    adds: ClassVar[tuple[str | Column, ...]] = ()
    """Columns of the record, beside those of the terms that it measures."""
    asks: ClassVar[tuple[Literal["program", "potential", "reference"], ...]] = ()
    """What the answer depends on beside the structures and the stages before."""
    kept: ClassVar[bool] = True
    """Whether its results are kept, by all that they depend on."""
    seconds: ClassVar[float | None] = None
    """About what an answer costs, where it depends on its structure only: then many are asked for
    in several processes. None where it depends on others.
    """
    keeps: ClassVar[tuple[str, str]] = ("", "")
    """What the funnel calls the structures that it keeps, and the letter of that set."""
    loses: ClassVar[str] = ""
    """What the funnel says of all structures whose answer is no; their own reasons if empty."""

    @abstractmethod
    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        """One outcome per record, in order."""

    def columns(self) -> dict[str, Column]:
        """What it adds, by name."""
        added = (Column(one) if isinstance(one, str) else one for one in self.adds)
        return {column.name: column for column in added}

    def holds(self, record: Record) -> bool:
        """Whether a structure is in the set that the stage keeps."""
        return record.passed(self.name)

    def why_lost(self, record: Record) -> str:
        """Why one is not: the reason of the outcome where that has no answer, `loses` where the
        answer is no.
        """
        outcome = record.outcomes.get(self.name)
        if outcome is None:
            return f"{self.name} did not run"
        said_no = outcome.status == "failed" and bool(outcome.values)
        return self.loses if self.loses and said_no else outcome.reason


@dataclass(frozen=True)
class Unusable(Stage):
    """A stage of another package that cannot be used: undefined for every structure, and no harm to
    the others.
    """

    name: str
    why: str

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        return [Outcome("undefined", self.why) for _ in records]


def built_in() -> tuple[Stage, ...]:
    """Every stage of this folder, in the order in which they run."""
    return ordered(importlib.import_module(f"{__name__}.{name}").STAGE for name in parts(__name__))


def all_stages() -> tuple[Stage, ...]:
    """Those of this folder and those of other packages, by entry points of the group
    ``scoutlang.stages``, in the order in which they run.
    """
    own = {stage.name: stage for stage in built_in()}
    others = [_of_plugin(name, plugins, own) for name, plugins in sorted(GROUP.installed().items())]
    names = own.keys() | {stage.name for stage in others}
    fit = [
        s
        if names >= {*s.needs, *s.after}
        else Unusable(s.name, "it needs a stage that is not there")
        for s in others
    ]
    try:
        return ordered([*own.values(), *fit])
    except CycleError:  # only plug-ins can: no stage of ours needs one of theirs
        return ordered(
            [
                *own.values(),
                *(Unusable(s.name, "stages of plug-ins need each other") for s in others),
            ]
        )


def _of_plugin(name: str, plugins: Sequence[Plugin], own: Container[str]) -> Stage:
    if name in own:
        raise hidden(plugins)
    try:
        stage = only(plugins).module().STAGE
    except ScoutError as error:
        return Unusable(name, f"{error.code} {error.message}")
    assert isinstance(stage, Stage)  # `_flaw` has looked
    return stage


def _flaw(module: ModuleType, name: str) -> str:
    stage = getattr(module, "STAGE", None)
    if not isinstance(stage, Stage):
        return "it has no STAGE that is a scoutlang.validation.stages.Stage"
    return "" if stage.name == name else f"its STAGE is named {stage.name!r}"


GROUP = Group("scoutlang.stages", "stage", _flaw)


def ordered(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """Each after what it needs, alphabetical where that leaves a choice. Raises ValueError for an
    unknown need, graphlib.CycleError for a circle.
    """
    by_name = {stage.name: stage for stage in stages}
    before = {name: {*stage.needs, *stage.after} for name, stage in sorted(by_name.items())}
    if unknown := sorted({need for needs in before.values() for need in needs} - by_name.keys()):
        raise ValueError(f"no stage {', '.join(unknown)}")
    sorter = TopologicalSorter(before)
    sorter.prepare()
    order: list[Stage] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order.extend(by_name[name] for name in ready)
        sorter.done(*ready)
    return tuple(order)


def in_batches(
    ask: Callable[[Sequence[Record]], list[Outcome]],
    records: Sequence[Record],
    size: int,
    context: Context,
) -> list[Outcome]:
    """Ask a question of ``size`` records at once."""
    outcomes: list[Outcome] = []
    for start in range(0, len(records), size):
        outcomes.extend(ask(records[start : start + size]))
        context.report(len(outcomes), len(records))
    return outcomes


def one_by_one(
    ask: Callable[[Record], Outcome], records: Sequence[Record], context: Context
) -> list[Outcome]:
    """Ask a question of each record; an exception becomes the outcome ``failed`` with its text."""
    outcomes = []
    for done, record in enumerate(records, start=1):
        try:
            outcomes.append(ask(record))
        except Exception as error:  # whatever one structure does, the others go on
            outcomes.append(Outcome("failed", first_line(error)))
        context.report(done, len(records))
    return outcomes
