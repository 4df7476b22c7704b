"""The table of all structures of a run, and of the known crystals beside them: what its columns
are, and in which order it is read first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scoutlang.ir import Program, Term, Wish, measures
from scoutlang.report.data import Crystal
from scoutlang.validation.funnel import left_at
from scoutlang.validation.record import Record, Value
from scoutlang.validation.stages import all_stages

Kind = Literal["text", "number", "truth", "value"]
Cell = Value | tuple[Value, bool | None]


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    name: str
    kind: Kind
    """How it is shown and sorted; ``value`` is a number with the truth of its term beside it."""
    about: str
    """What it is, in a sentence."""


@dataclass(frozen=True)
class Candidates:
    """The table, as cells by columns."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    """One for each record, in the order in which they are read first."""
    known: tuple[tuple[Cell, ...], ...]
    """The same for crystals of the reference."""


_Read = Callable[[Record], Cell]


def candidates(
    program: Program, records: Sequence[Record], crystals: Sequence[Crystal]
) -> Candidates:
    """All records as a table. A quantity without a value is None, never zero."""
    losses = {c.id: c.loss for c in crystals}
    of_stages = _of_stages(records)
    first_ones = [of_stages.pop(name) for name in ("hit", "e_above_hull") if name in of_stages]
    readers: list[tuple[Column, _Read]] = [
        (Column("id", "text", "run, arm, seed and index"), lambda r: r.id),
        (Column("arm", "text", "with or without guidance"), lambda r: r.arm),
        (Column("formula", "text", "reduced formula"), _formula),
        (
            Column("atoms", "number", "in the cell"),
            lambda r: len(r.generated.structure) if r.generated.structure else None,
        ),
        (
            Column("candidate", "truth", "unique, metastable, original and a hit: U ∩ S ∩ O ∩ C"),
            lambda r: left_at(r) is None,
        ),
        *first_ones,
        *(reader for term in program.terms for reader in _of_term(term)),
        (Column("loss", "number", "of the whole program"), lambda r: losses.get(r.id)),
        *of_stages.values(),
        (
            Column("left at", "text", "the first set of the funnel that it is not in"),
            lambda r: (left_at(r) or ("", ""))[0],
        ),
        (Column("reason", "text", "why"), lambda r: (left_at(r) or ("", ""))[1]),
    ]
    columns = tuple(column for column, _ in readers)
    first = sorted(
        records,
        key=lambda r: (
            left_at(r) is not None,
            math.inf if r.e_above_hull is None else r.e_above_hull,
        ),
    )
    known = tuple(_known(c, columns) for c in crystals if c.group == "reference")
    return Candidates(columns, tuple(tuple(read(r) for _, read in readers) for r in first), known)


def _formula(record: Record) -> str | None:
    structure = record.generated.structure
    return structure.composition.reduced_formula if structure else None


def _value(name: str) -> _Read:
    return lambda record: record.value(name)


def _of_stages(records: Sequence[Record]) -> dict[str, tuple[Column, _Read]]:
    """By name, the columns of all stages, those of other packages among them, that have a sentence
    for the page and a value on some structure.
    """
    return {
        column.name: (
            Column(column.title or column.name, column.kind, column.about),
            _value(column.name),
        )
        for stage in all_stages()
        for column in stage.columns().values()
        if column.about and any(r.value(column.name) is not None for r in records)
    }


def _of_term(term: Term) -> list[tuple[Column, _Read]]:
    """Value with truth, and margin; the height above the hull has a column of its own already."""
    label = term.label
    margin = (
        Column(f"{label}: margin", "number", f"of `{term.text}`; at least 0: it holds"),
        lambda record: record.term(label).margin,
    )
    if [m.descriptor for m in measures(term.claim)] == ["e_above_hull"]:
        return [margin]

    def value(record: Record) -> Cell:
        found = record.term(label)
        return found.exact, found.satisfied

    exact = (Column(label, "value", f"exact value for `{term.text}`"), value)
    return [exact] if isinstance(term.claim, Wish) else [exact, margin]


def _known(crystal: Crystal, columns: Sequence[Column]) -> tuple[Cell, ...]:
    cells: Mapping[str, Cell] = {
        "id": crystal.id,
        "arm": crystal.group,
        "formula": crystal.formula,
        "atoms": len(crystal.structure),
        "hit": crystal.hit,
        "loss": crystal.loss,
        "e_above_hull": crystal.e_above_hull,
    }
    return tuple(
        (crystal.values.get(c.name), crystal.satisfied.get(c.name))
        if c.kind == "value"
        else cells.get(c.name)
        for c in columns
    )
