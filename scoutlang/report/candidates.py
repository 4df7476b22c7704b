"""The table of all structures of a run, and of the known crystals beside them: what its columns
are, and in which order it is read first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from scoutlang.ir import Program, Term, Wish, measures
from scoutlang.report.data import Crystal
from scoutlang.report.geometries import Geometry, candidates_in
from scoutlang.report.shortlist import AS_SAMPLED, Candidate
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
    geometry: str = ""
    """Name of the one in which it is true; empty for what is true in each, and for a run that has
    only one.
    """


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
    program: Program,
    records: Sequence[Record],
    crystals: Sequence[Crystal],
    geometries: Sequence[Geometry] = (),
    shortlist: Sequence[Candidate] = (),
) -> Candidates:
    """All records as a table. A quantity without a value is None, never zero.

    records: as sampled. geometries: with those after relaxing, behind it, the table has columns for
    each.
    """
    relaxed = geometries[1:]
    rank = {one.id: one.rank for one in shortlist}
    candidate_in = candidates_in(geometries) if relaxed else {}
    readers: list[tuple[Column, _Read]] = [
        (Column("id", "text", "run, arm, seed and index"), lambda r: r.id),
        (Column("arm", "text", "with or without guidance"), lambda r: r.arm),
        (Column("formula", "text", "reduced formula"), _formula),
        (
            Column("atoms", "number", "in the cell"),
            lambda r: len(r.generated.structure) if r.generated.structure else None,
        ),
    ]
    as_sampled = _as_sampled(program, records, crystals)
    if relaxed:
        readers += _shortlisted(rank, candidate_in)
        for geometry in relaxed:
            readers += _of_geometry(program, geometry)
        readers += [(replace(column, geometry=AS_SAMPLED), read) for column, read in as_sampled]
    else:
        about = "unique, metastable, original and a hit: U ∩ S ∩ O ∩ C"
        readers.append((Column("candidate", "truth", about), lambda r: left_at(r) is None))
        readers += as_sampled

    def order(record: Record) -> tuple[float, bool, float]:
        best = candidate_in.get(record.id, [])
        height = (best[0].records[record.id] if best else record).e_above_hull
        return (
            rank.get(record.id, math.inf),
            not best if relaxed else left_at(record) is not None,
            math.inf if height is None else height,
        )

    columns = tuple(column for column, _ in readers)
    known = tuple(_known(c, columns) for c in crystals if c.group == "reference")
    rows = (tuple(read(r) for _, read in readers) for r in sorted(records, key=order))
    return Candidates(columns, tuple(rows), known)


def _as_sampled(
    program: Program, records: Sequence[Record], crystals: Sequence[Crystal]
) -> list[tuple[Column, _Read]]:
    """All that the stages found of the structures as they were sampled."""
    losses = {c.id: c.loss for c in crystals}
    of_stages = _of_stages(records)
    first_ones = [of_stages.pop(name) for name in ("hit", "e_above_hull") if name in of_stages]
    return [
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


def _shortlisted(
    rank: Mapping[str, int], candidate_in: Mapping[str, Sequence[Geometry]]
) -> list[tuple[Column, _Read]]:
    """Which structures are candidates after relaxing, and after which way of it."""
    return [
        (
            Column("rank", "number", "in the shortlist, which has each crystal once"),
            lambda r: rank.get(r.id),
        ),
        (
            Column(
                "candidate",
                "truth",
                "after relaxing unique, metastable, original and a hit: U ∩ S ∩ O ∩ C",
            ),
            lambda r: r.id in candidate_in,
        ),
        (
            Column("candidate when relaxed", "text", "the geometries in which it is one"),
            lambda r: (
                "; ".join(one.label.removeprefix("relaxed ") for one in candidate_in.get(r.id, []))
                or None
            ),
        ),
    ]


def _of_geometry(program: Program, geometry: Geometry) -> list[tuple[Column, _Read]]:
    """What was found after relaxing; each heading stands below the name of the geometry."""

    def column(name: str, kind: Kind, about: str) -> Column:
        return Column(name, kind, f"{about}; {geometry.title}", geometry.name)

    def found(read: _Read) -> _Read:
        there = geometry.records
        return lambda record: read(there[record.id]) if record.id in there else None

    return [
        (column("hit", "truth", "every `require` holds"), found(_value("hit"))),
        (
            column("e_above_hull", "number", "eV/atom above the convex hull of the reference"),
            found(_value("e_above_hull")),
        ),
        *(
            (replace(one, about=f"{one.about}; {geometry.title}", geometry=geometry.name), found(r))
            for term in program.terms
            for one, r in _of_term(term)
            if one.kind == "value"
        ),
        (
            column("moved", "number", "Å, the largest shift of an atom, without a common shift"),
            geometry.moved,
        ),
        (column("relaxing", "text", "how it ended"), geometry.ended),
    ]


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

    def cell(column: Column) -> Cell:
        if column.geometry not in ("", AS_SAMPLED):
            return None
        if column.kind == "value":
            return crystal.values.get(column.name), crystal.satisfied.get(column.name)
        return cells.get(column.name)

    return tuple(map(cell, columns))
