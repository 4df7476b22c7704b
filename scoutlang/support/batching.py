"""Many things at once: how large a batch may be, and what becomes of its others where one of them
cannot be worked on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def batches(
    items: Iterable[_Item], cost: Callable[[_Item], int], most: int
) -> Iterator[list[_Item]]:
    """Runs of items, in order, whose costs add up to at most ``most``; a dearer item is alone."""
    batch: list[_Item] = []
    total = 0
    for item in items:
        price = cost(item)
        if batch and total + price > most:
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += price
    if batch:
        yield batch


def each(
    work: Callable[[Sequence[_Item]], Iterable[_Result]], items: Sequence[_Item]
) -> list[_Result | Exception]:
    """One result per item, of all at once; where that raises, of one by one, and an item that
    raises has its exception as the result.
    """
    try:
        return list(work(items))
    except Exception as error:  # whatever one of them does, the others go on
        return (
            [error]
            if len(items) == 1
            else [result for item in items for result in each(work, [item])]
        )
