"""Is it the first of its kind in its arm? `scoutlang.descriptors.unique` says what counts as the
same, and how groups are made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from joblib import Parallel, cpu_count, delayed
from pymatgen.core import Structure

from scoutlang.support.errors import first_line
from scoutlang.validation.matching import Known, atoms, reduced
from scoutlang.validation.record import Outcome, Record
from scoutlang.validation.stages import Column, Context, Stage

_A = TypeVar("_A")
_B = TypeVar("_B")

_MOST_PROCESSES = 8  # each takes half a gigabyte


@dataclass(frozen=True)
class Unique(Stage):
    """passed: unique, the set U; failed: a duplicate. Structures of an arm with the same atoms in
    the primitive cell are a block, and blocks are independent.
    """

    parallel_from: int = 2000
    """From so many structures on all cores work on the blocks, each with a process that takes
    seconds to start.
    """

    name = "unique"
    question = "is it the first of its kind in its arm, in the order of sampling"
    needs = ("geometry",)
    keeps = ("unique", "U")
    loses = "the same as another one"
    adds = (
        Column("unique", "the first of its kind in its arm", "truth"),
        "duplicate_of",  # the id of the structure that it repeats
    )

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        many = len(records) >= self.parallel_from
        outcomes: dict[str, Outcome] = {}
        blocks: defaultdict[object, list[tuple[str, Structure]]] = defaultdict(list)
        cells = _each(_reduced, [r.structure for r in records], many)
        for done, (record, found) in enumerate(zip(records, cells, strict=True), start=1):
            context.report(done // 2, len(records))
            if isinstance(found, str):
                outcomes[record.id] = Outcome("failed", found)
            else:
                blocks[record.arm, atoms(found)].append((record.id, found))
        # the large blocks first, so that no core waits for one at the end
        for block in _each(
            _first_of_their_kind, sorted(blocks.values(), key=len, reverse=True), many
        ):
            outcomes.update(block)
            context.report((len(records) + len(outcomes)) // 2, len(records))
        return [outcomes[record.id] for record in records]


def _each(work: Callable[[_A], _B], items: Iterable[_A], parallel: bool) -> Iterator[_B]:
    """``map``, in order, in several processes if asked for."""
    if not parallel:
        return map(work, items)
    found: Iterator[_B] = Parallel(n_jobs=min(cpu_count(), _MOST_PROCESSES), return_as="generator")(
        delayed(work)(item) for item in items
    )
    return found


def _reduced(structure: Structure) -> Structure | str:
    """The reduced cell, or why there is none: whatever one structure does, the others go on."""
    try:
        return reduced(structure)
    except Exception as error:
        return first_line(error)


def _first_of_their_kind(block: Sequence[tuple[str, Structure]]) -> dict[str, Outcome]:
    """id → outcome of the structures of a block, in the order in which they were sampled."""
    known = Known()
    outcomes = {}
    for id_, structure in block:
        try:
            first = known.find(structure)
        except Exception as error:
            outcomes[id_] = Outcome("failed", first_line(error))
            continue
        if first is None:
            known.add(id_, structure)
            outcomes[id_] = Outcome("passed", values={"unique": True, "duplicate_of": None})
        else:
            outcomes[id_] = Outcome(
                "failed", f"the same as {first}", {"unique": False, "duplicate_of": first}
            )
    return outcomes


STAGE = Unique()
