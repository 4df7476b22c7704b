"""Does it represent its group? `scoutlang.descriptors.unique` says what groups are, and which
member represents one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scoutlang.validation.matching import scaling
from scoutlang.validation.record import Outcome, Record, in_arm
from scoutlang.validation.stages import Column, Context, Stage


@dataclass(frozen=True)
class Unique(Stage):
    """passed: it represents its group, the set U; failed: a duplicate."""

    name = "unique"
    question = "does it represent its group: a hit if there is one, then the lowest energy"
    needs = ("geometry",)
    after = ("groups", "hits", "hull")
    keeps = ("unique", "U")
    loses = "the same as another one"
    adds = (
        Column("unique", "represents those of its arm that are the same crystal", "truth"),
        "duplicate_of",  # the id of the structure that represents its group
    )

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        first: dict[object, Record] = {}
        for record in sorted(records, key=_rank):
            first.setdefault(record.value("group"), record)
        context.report(len(records), len(records))
        return [_outcome(record, first[record.value("group")]) for record in records]


def _rank(record: Record) -> tuple[int, float, tuple[int, int]]:
    """The least of a group represents it."""
    above = record.e_above_hull
    return (
        (True, None, False).index(record.hit),
        math.inf if above is None else above,
        in_arm(record),
    )


def _outcome(record: Record, representative: Record) -> Outcome:
    grouped = record.outcomes["groups"]
    if grouped.status != "passed":
        return Outcome(grouped.status, grouped.reason)
    if record is representative:
        return Outcome("passed", values={"unique": True, "duplicate_of": None})
    return Outcome(
        "failed",
        f"the same as {representative.id}{scaling(record.structure, representative.structure)}",
        {"unique": False, "duplicate_of": representative.id},
    )


STAGE = Unique()
