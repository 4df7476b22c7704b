"""Which structures of an arm are the same crystal? `scoutlang.descriptors.unique` says what counts
as the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pymatgen.core import Structure

from scoutlang.support.engines import Died, Engine, Here, Tell, in_parts
from scoutlang.support.errors import first_line
from scoutlang.validation.matching import Known, Rule, TooSlender, atoms, reduced, same
from scoutlang.validation.record import Outcome, Record, in_arm
from scoutlang.validation.stages import DIED, WORTH, Context, Stage

_SECONDS = 0.005
"""About what a structure costs."""
_CELLS = 256
"""Structures whose cells are reduced in one unit of work."""


@dataclass(frozen=True)
class Groups(Stage):
    """The groups are the connected components of "the matcher says the same", so that they do not
    depend on the order of the structures. Structures of an arm with the same atoms in the primitive
    cell are a block, and blocks are independent.
    """

    name = "groups"
    question = "which structures of its arm are the same crystal"
    needs = ("geometry",)
    adds = ("group",)  # the id of its first member
    asks = ("program",)

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        outcomes: dict[str, Outcome] = {}
        blocks: defaultdict[object, list[tuple[str, Structure]]] = defaultdict(list)
        members = sorted(records, key=in_arm)
        seconds = len(members) * _SECONDS
        parallel = seconds >= WORTH and context.engine.pays(seconds)
        engine: Engine = context.engine if parallel else Here()
        done = 0

        def count(structures: int) -> None:
            nonlocal done
            done += structures
            context.report(done // 2, len(records))

        cells = in_parts(_cells, (), [r.structure for r in members], _CELLS, engine, count)
        for record, found in zip(members, cells, strict=True):
            if isinstance(found, Outcome):
                outcomes[record.id] = found
            elif isinstance(found, Died):
                outcomes[record.id] = Outcome("undefined", DIED + str(found))
            else:
                blocks[record.arm, atoms(found)].append((record.id, found))
        done += len(outcomes)
        # the large blocks first, so that no worker waits for one at the end
        largest_first = sorted(blocks.values(), key=len, reverse=True)
        rule = Rule.of(context.program)
        grouped = in_parts(_grouped, (rule,), largest_first, 1, engine, count)
        for block, answers in zip(largest_first, grouped, strict=True):
            outcomes |= (
                {id_: Outcome("undefined", DIED + str(answers)) for id_, _ in block}
                if isinstance(answers, Died)
                else answers
            )
        return [outcomes[record.id] for record in records]


def _cells(structures: Sequence[Structure], tell: Tell) -> list[Structure | Outcome]:
    """The work of a unit; it tells how many structures it has looked at."""
    found = [_reduced(structure) for structure in structures]
    tell(len(found))
    return found


def _grouped(
    rule: Rule, blocks: Sequence[Sequence[tuple[str, Structure]]], tell: Tell
) -> list[dict[str, Outcome]]:
    """The work of a unit, as `_cells`."""
    found = []
    for block in blocks:
        found.append(_groups(block, rule))
        tell(len(block))
    return found


def _reduced(structure: Structure) -> Structure | Outcome:
    """The reduced cell, or why there is none: whatever one structure does, the others go on."""
    try:
        return reduced(structure)
    except TooSlender as error:
        return Outcome("undefined", str(error))
    except Exception as error:
        return Outcome("failed", first_line(error))


def _groups(block: Sequence[tuple[str, Structure]], rule: Rule) -> dict[str, Outcome]:
    """id → outcome of the structures of a block."""
    known = Known()
    group: dict[str, str] = {}  # id → the id of the latest member of its group
    outcomes = {}
    for id_, structure in block:
        joined = set[str]()
        try:
            for other, crystal in known.near(structure):
                if group[other] not in joined and same(structure, crystal, rule):
                    joined.add(group[other])
            known.add(id_, structure)
        except TooSlender as error:
            outcomes[id_] = Outcome("undefined", str(error))
            continue
        except Exception as error:
            outcomes[id_] = Outcome("failed", first_line(error))
            continue
        group |= {other: id_ for other, latest in group.items() if latest in joined} | {id_: id_}
    first: dict[str, str] = {}
    for id_ in (id_ for id_, _ in block if id_ in group):
        outcomes[id_] = Outcome("passed", values={"group": first.setdefault(group[id_], id_)})
    return outcomes


STAGE = Groups()
