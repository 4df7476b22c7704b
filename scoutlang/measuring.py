"""Measure every term of a program on given structures: the soft value that guides, the exact value that judges.

A hit is a structure on which every `require` holds under the exact evaluator. `prefer` is reported only, and `expect` is judged
beside the hits, not inside them. ``hit`` is None where a `require` is undefined (its species absent) or none was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import torch

from scoutlang.crystal import CrystalBatch
from scoutlang.descriptors import modules
from scoutlang.errors import ScoutError
from scoutlang.ir import Node, Program, Term
from scoutlang.margins import all_hold, holds, margin
from scoutlang.structure_io import NamedStructure, as_structure, read_structures

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

MAX_PAIRS = 1_000_000
"""Structures are measured together as long as the sum of their squared atom numbers stays below this."""


class TermMeasurement(Node):
    """One term on one structure. Values in canonical units; None: undefined, or not measurable on a structure alone."""

    label: str
    source: str
    soft: float | None
    exact: float | None
    margin: float | None
    satisfied: bool | None


class Measurement(Node):
    """All terms of a program on one structure, in program order."""

    structure: str
    hit: bool | None
    terms: tuple[TermMeasurement, ...]

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


def measure(program: Program, structures: Iterable[Structure | Atoms | NamedStructure | str | PathLike[str]]) -> list[Measurement]:
    """Measure structures, in order. A path may stand for many; objects are named by their formula and position.

    Raises ScoutError (E201-E208) at the first structure that cannot be used; `structure_io.read_structures` lets a caller skip those.
    """
    return measure_named(program, list(_named(structures)))


def measure_named(program: Program, structures: Sequence[NamedStructure]) -> list[Measurement]:
    """Measure structures that have been read already, in order, float64, batch by batch."""
    return [result for chunk in _chunks(structures) for result in _measure_batch(program, chunk)]


def _measure_batch(program: Program, structures: Sequence[NamedStructure]) -> list[Measurement]:
    batch = CrystalBatch.from_structures([s.structure for s in structures], dtype=torch.float64)
    columns = [_measure_term(term, batch) for term in program.terms]
    results = []
    for row, named in enumerate(structures):
        terms = tuple(column[row] for column in columns)
        verdicts = (m.satisfied for m, term in zip(terms, program.terms, strict=True) if term.verb == "require")
        results.append(Measurement(structure=named.name, hit=all_hold(verdicts), terms=terms))
    return results


def _measure_term(term: Term, batch: CrystalBatch) -> list[TermMeasurement]:
    """One term on every crystal of the batch."""
    soft = _values(term, batch, "soft")
    exact = _values(term, batch, "exact")
    return [
        TermMeasurement(
            label=term.label,
            source=term.text,
            soft=s,
            exact=e,
            margin=margin(term.relation, e),
            satisfied=holds(term.relation, e),
        )
        for s, e in zip(soft, exact, strict=True)
    ]


def _values(term: Term, batch: CrystalBatch, kind: str) -> list[float | None]:
    evaluate = getattr(modules()[term.measure.descriptor], kind, None)
    if evaluate is None:
        return [None] * batch.size
    with torch.no_grad():
        result = evaluate(batch, term.measure)
    return [v if d else None for v, d in zip(result.value.tolist(), result.defined.tolist(), strict=True)]


def _named(structures: Iterable[Structure | Atoms | NamedStructure | str | PathLike[str]]) -> Iterator[NamedStructure]:
    for number, item in enumerate(structures, start=1):
        if isinstance(item, NamedStructure):
            yield item
        elif isinstance(item, str | PathLike):
            for found in read_structures(item):
                if isinstance(found, ScoutError):
                    raise found
                yield found
        else:
            named = as_structure(item, f"structure {number}")
            yield NamedStructure(f"{number} {named.structure.composition.reduced_formula}", named.structure)


def _chunks(structures: Sequence[NamedStructure]) -> Iterator[list[NamedStructure]]:
    chunk: list[NamedStructure] = []
    pairs = 0
    for item in structures:
        cost = len(item.structure) ** 2
        if chunk and pairs + cost > MAX_PAIRS:
            yield chunk
            chunk, pairs = [], 0
        chunk.append(item)
        pairs += cost
    if chunk:
        yield chunk
