from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from scoutlang.support.batching import batches, each


@given(st.lists(st.integers(0, 9)), st.integers(1, 20))
def test_batches_are_runs_of_the_items_that_cost_no_more_than_asked(
    costs: list[int], most: int
) -> None:
    runs = list(batches(costs, lambda cost: cost, most))
    assert [cost for run in runs for cost in run] == costs
    assert all(len(run) == 1 or sum(run) <= most for run in runs)
    # none could be longer
    assert all(sum(run) + following[0] > most for run, following in pairwise(runs))


def test_one_that_raises_has_its_error_and_the_others_their_results() -> None:
    asked = []

    def halves(numbers: Sequence[int]) -> list[float]:
        asked.append(list(numbers))
        return [1 / (2 * n) for n in numbers]

    one, broken, other = each(halves, [1, 0, 2])
    assert (one, other) == (0.5, 0.25)
    assert isinstance(broken, ZeroDivisionError)
    assert asked == [[1, 0, 2], [1], [0], [2]]


def test_nothing_that_raises_is_asked_once() -> None:
    asked = []
    assert each(lambda some: asked.append(some) or some, ["a", "b"]) == ["a", "b"]
    assert asked == [["a", "b"]]
