from __future__ import annotations

import math
from typing import Any

import pytest

from scoutlang.ir import Relation
from scoutlang.margins import all_hold, holds, margin


@pytest.mark.parametrize(
    ("fields", "value", "rho", "verdict"),
    [
        ({"op": "=", "target": 4.0, "tolerance": 0.5}, 4.25, 0.5, True),
        ({"op": "=", "target": 4.0, "tolerance": 0.5}, 4.5, 0.0, True),
        ({"op": "=", "target": 4.0, "tolerance": 0.3}, 4.3, 0.0, True),
        ({"op": "=", "target": 4.0, "tolerance": 0.5}, 5.0, -1.0, False),
        ({"op": "=", "target": 4.0, "scale": 2.0}, 5.0, 0.5, True),
        ({"op": "<", "high": 3.0}, 3.0, 0.0, False),
        ({"op": "<=", "high": 3.0}, 3.0, 0.0, True),
        ({"op": ">", "low": 3.0}, 3.0000000000000004, 0.0, False),
        ({"op": ">=", "low": 3.0}, 2.9999999999999996, 0.0, True),
        ({"op": ">", "low": 3.0, "scale": 0.5}, 4.0, 2.0, True),
        ({"op": "in", "low": 1.0, "high": 4.0}, 2.0, 1.0, True),
        ({"op": "in", "low": 1.0, "high": 4.0}, 4.5, -0.5, False),
        ({"op": "in", "low": 1.0, "high": 4.0}, None, None, None),
        ({"op": "<", "high": 3.0}, math.nan, None, None),
        ({"op": "minimize"}, 3.0, None, None),
    ],
)
def test_margin_and_truth(fields: dict[str, Any], value: float | None, rho: float | None, verdict: bool | None) -> None:
    relation = Relation(**fields)
    found = margin(relation, value)
    assert found is None if rho is None else found == pytest.approx(rho, abs=1e-12)
    assert holds(relation, value) is verdict


@pytest.mark.parametrize(
    ("verdicts", "expected"), [([True, True], True), ([True, False], False), ([False, None], None), ([True, None], None), ([], None)]
)
def test_undefined_is_a_class_of_its_own(verdicts: list[bool | None], expected: bool | None) -> None:
    assert all_hold(verdicts) is expected
