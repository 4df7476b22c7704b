from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.evaluation.expressions import Reading, margin, truth
from scoutlang.evaluation.measurement import all_hold
from scoutlang.ir import Compare, Measure, Relation

CRYSTAL = Structure(Lattice.cubic(3), ["Po"], [[0, 0, 0]])


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
    ],
)
def test_margin_and_truth(
    fields: dict[str, Any], value: float | None, rho: float | None, verdict: bool | None
) -> None:
    """Of a value that is given, not measured."""
    given = torch.tensor([math.nan if value is None else value], dtype=torch.float64)
    reading = Reading(
        CrystalBatch.from_structures([CRYSTAL]), "exact", given={"e_above_hull": given}
    )
    claim = Compare(Measure("e_above_hull"), Relation(**fields))
    found, verdicts = margin(claim, reading), truth(claim, reading)
    assert found.defined.item() is (rho is not None)
    if rho is not None:
        assert found.value.item() == pytest.approx(rho, abs=1e-12)
    assert (True if verdicts.true.item() else False if verdicts.false.item() else None) is verdict


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([True, True], True),
        ([True, False], False),
        ([False, None], None),
        ([True, None], None),
        ([], None),
    ],
)
def test_undefined_is_a_class_of_its_own(
    verdicts: list[bool | None], expected: bool | None
) -> None:
    assert all_hold(verdicts) is expected
