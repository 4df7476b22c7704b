"""Which structures of an arm are the same crystal? `scoutlang.descriptors.unique` says what counts
as the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from joblib import Parallel, cpu_count, delayed
from pymatgen.core import Structure

from scoutlang.support.errors import first_line
from scoutlang.validation.matching import Known, Rule, atoms, reduced, same
from scoutlang.validation.record import Outcome, Record, in_arm
from scoutlang.validation.stages import Context, Stage

_A = TypeVar("_A")
_B = TypeVar("_B")

_MOST_PROCESSES = 8  # each takes half a gigabyte


@dataclass(frozen=True)
class Groups(Stage):
    """The groups are the connected components of "the matcher says the same", so that they do not
    depend on the order of the structures. Structures of an arm with the same atoms in the primitive
    cell are a block, and blocks are independent.
    """

    parallel_from: int = 2000
    """From so many structures on all cores work on the blocks, each with a process that takes
    seconds to start.
    """

    name = "groups"
    question = "which structures of its arm are the same crystal"
    needs = ("geometry",)
    adds = ("group",)  # the id of its first member
    asks = ("program",)

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        many = len(records) >= self.parallel_from
        outcomes: dict[str, Outcome] = {}
        blocks: defaultdict[object, list[tuple[str, Structure]]] = defaultdict(list)
        members = sorted(records, key=in_arm)
        cells = _each(_reduced, [r.structure for r in members], many)
        for done, (record, found) in enumerate(zip(members, cells, strict=True), start=1):
            context.report(done // 2, len(records))
            if isinstance(found, str):
                outcomes[record.id] = Outcome("failed", found)
            else:
                blocks[record.arm, atoms(found)].append((record.id, found))
        # the large blocks first, so that no core waits for one at the end
        largest_first = sorted(blocks.values(), key=len, reverse=True)
        for block in _each(partial(_groups, rule=Rule.of(context.program)), largest_first, many):
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


def _groups(block: Sequence[tuple[str, Structure]], rule: Rule) -> dict[str, Outcome]:
    """id → outcome of the structures of a block."""
    known = Known()
    group: dict[str, str] = {}  # id → the id of the latest member of its group
    outcomes = {}
    # the matcher is not quite symmetric: it gets each pair in an order that the crystals decide
    for id_, structure in sorted(block, key=lambda one: _content(one[1])):
        joined = set[str]()
        try:
            for other, crystal in known.near(structure):
                if group[other] not in joined and same(structure, crystal, rule):
                    joined.add(group[other])
            known.add(id_, structure)
        except Exception as error:
            outcomes[id_] = Outcome("failed", first_line(error))
            continue
        group |= {other: id_ for other, latest in group.items() if latest in joined} | {id_: id_}
    first: dict[str, str] = {}
    for id_ in (id_ for id_, _ in block if id_ in group):
        outcomes[id_] = Outcome("passed", values={"group": first.setdefault(group[id_], id_)})
    return outcomes


def _content(structure: Structure) -> tuple[float, bytes, bytes]:
    return structure.volume, structure.lattice.matrix.tobytes(), structure.frac_coords.tobytes()


STAGE = Groups()
