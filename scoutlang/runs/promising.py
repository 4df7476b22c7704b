"""Which structures of a run are worth relaxing: one rule for both arms, so that nothing is spent on
the hopeless.

A structure is promising if it is a crystal that passes the screens of the validation, is the one
that counts of those that are the same crystal, and misses no `require` by more than `REACH` natural
units of change: two neighbours, for a coordination number. Relaxing moves atoms by some tenths of
an Å, which seldom mends a larger miss (docs/relaxing.md has the counts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.evaluation.loss import compile_loss
from scoutlang.ir import Arm, Program, Wish
from scoutlang.support.batching import batches, each
from scoutlang.validation.record import Record

REACH = 2.0
"""Natural units of change (`ir.Relation.scale`), by the values that guide."""

_SCREENS = ("geometry", "screen", "unique")
_SITES = 2000  # of a batch


def left_alone(program: Program, records: Sequence[Record]) -> Mapping[tuple[Arm, int], str]:
    """Arm and index of every structure that is not promising, and why."""
    found: dict[tuple[Arm, int], str] = {}
    rest = []
    for record in records:
        screen = next((name for name in _SCREENS if not record.passed(name)), None)
        if screen is None:
            rest.append(record)
        else:
            found[record.arm, record.generated.index] = record.outcomes[screen].reason
    for record, why in zip(rest, _misses(program, rest), strict=True):
        if why and record.hit is not True:
            found[record.arm, record.generated.index] = why
    return found


def _misses(program: Program, records: Sequence[Record]) -> list[str]:
    """Why a structure is too far from a `require`; empty where it is not. Only lines with a
    gradient are asked: relaxing follows no others.
    """
    terms = tuple(
        replace(term, weight=1.0, loss="l1")
        for term in program.terms
        if term.decides and term.steers and not isinstance(term.claim, Wish)
    )
    loss = compile_loss(replace(program, terms=terms))

    def ask(some: Sequence[Record]) -> list[str]:
        with torch.no_grad():
            value = loss(CrystalBatch.from_structures([record.structure for record in some]))
        return [
            next(
                (
                    f"{label} has no value"
                    if not defined
                    else f"{label} is missed by more than {REACH:g} natural units"
                    for label, miss, defined in zip(loss.labels, misses, known, strict=True)
                    if not (defined and miss <= REACH)
                ),
                "",
            )
            for misses, known in zip(value.terms.tolist(), value.defined.tolist(), strict=True)
        ]

    if not terms:
        return [""] * len(records)
    portions = batches(records, lambda record: len(record.structure), _SITES)
    return [
        f"the lines cannot be measured: {why}" if isinstance(why, Exception) else why
        for portion in portions
        for why in each(ask, portion)
    ]
