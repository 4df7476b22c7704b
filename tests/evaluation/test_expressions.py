"""Values, truth and slack of expressions: by hand on known crystals, and properties on random ones."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

import scoutlang
from scoutlang import ir
from scoutlang.crystals.batch import CrystalBatch
from scoutlang.evaluation.expressions import Field, Reading, margin, quantity, slack, truth

ROCK_SALT = Structure.from_spacegroup(
    "Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]
)
PEROVSKITE = Structure.from_spacegroup(
    "Pm-3m", Lattice.cubic(3.905), ["Sr", "Ti", "O"], [[0.5, 0.5, 0.5], [0, 0, 0], [0.5, 0, 0]]
)
# A chain of Cu-P pairs 2.3 Å apart beside a lone Cu: the Cu sites have one and no P neighbour.
PAIR = Structure(
    Lattice.orthorhombic(8, 8, 12),
    ["Cu", "P", "Cu"],
    [[0, 0, 0], [0, 0, 2.3 / 12], [0.5, 0.5, 0.6]],
)
VALUES = st.sampled_from([1.0, 0.0, math.nan])


def claim(text: str, system: str = "Cu-P") -> ir.Proposition:
    result = scoutlang.check(f"system {system}; expect {text}")
    assert result.program is not None, result.diagnostics
    found = result.program.terms[0].claim
    assert not isinstance(found, ir.Wish)
    return found


def reading(*structures: Structure, kind: str = "exact", **given: list[float]) -> Reading:
    batch = CrystalBatch.from_structures(structures)
    return Reading(
        batch, kind, given={k: torch.tensor(v, dtype=torch.float64) for k, v in given.items()}
    )  # type: ignore[arg-type]


def verdict(text: str, structure: Structure, system: str = "Cu-P") -> bool | None:
    found = truth(claim(text, system), reading(structure))
    return True if found.true.item() else False if found.false.item() else None


def value(text: str, structure: Structure, system: str = "Cu-P") -> float | None:
    body = claim(f"0 + ({text}) > -1e9", system)
    assert isinstance(body, ir.Compare)
    found = quantity(body.value, reading(structure))
    return found.value.item() if found.defined.item() else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CN(Cu-P)", 0.5),
        ("mean(CN(Cu-P))", 0.5),
        ("min(CN(Cu-P))", 0),
        ("max(CN(Cu-P))", 1),
        ("sum(CN(Cu-P))", 1),
        ("std(CN(Cu-P))", 0.5),
        ("fraction(CN(Cu-P) = 1)", 0.5),
        ("fraction(CN(Cu-P) = 1 or CN(Cu-P) = 0)", 1),
        ("CN(Cu-P) + CN(P-Cu)", 1.5),
        ("CN(Cu-P) - 2 * CN(P-Cu) + 4", 2.5),
        ("CN(P-Cu) / CN(Cu-P)", 2),
        ("CN(Cu-P) / CN(P-P)", None),
        ("CN(Cu-P) ^ 2", 0.25),
        ("mean(CN(Cu-P) ^ 2)", 0.5),
        ("abs(CN(Cu-P) - CN(P-Cu))", 0.5),
        ("max(CN(Cu-P), CN(P-Cu))", 1),
        ("min(CN(Cu-P), CN(P-Cu), 0.2)", 0.2),
        ("-CN(Cu-P)", -0.5),
        ("mean(distance(P-Cu) * CN(P-Cu))", 2.3),
        ("2 * CN(Cu-P) ^ 2 * 3", 1.5),
        ("CN(P-Cu) - CN(Cu-P) - CN(P-Cu)", -0.5),
        ("CN(P-Cu) / 2 / 2", 0.25),
    ],
)
def test_values_by_hand(text: str, expected: float | None) -> None:
    assert value(text, PAIR) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("each CN(Cu-P) = 1", False),
        ("any CN(Cu-P) = 1", True),
        ("each CN(Cu-P) <= 1", True),
        ("not any CN(Cu-P) > 1", True),
        ("not CN(Cu-P) = 2 and CN(P-Cu) = 1", True),  # `not` binds tighter than `and`
        ("CN(P-Cu) = 0 and CN(P-Cu) = 1 or CN(P-Cu) = 1", True),  # and `and` than `or`
        ("CN(P-Cu) = 0 implies CN(P-P) = 9", True),
        ("CN(P-Cu) = 1 implies CN(P-P) = 9", False),
        ("0 < CN(P-Cu) < 2", True),
        ("1 < CN(P-Cu) < 2", False),
        ("CN(P-Cu) > CN(Cu-P)", True),
        ("CN(P-Cu) in {0, 1}", True),
        ("each (CN(Cu-P) = 1 or CN(Cu-P) = 0)", True),
        ("each CN(Cu-P) = 1 or each CN(Cu-P) = 0", False),
        ("any (CN(Cu-P) = 1 and distance(Cu-P) < 2.5 Å)", True),
        ("CN(Cu-P) = 0.5 ± 0.1", True),
        ("CN(Cu-P) / CN(P-P) = 1 ± 9", None),
        ("CN(Cu-P) / CN(P-P) = 1 ± 9 or CN(P-Cu) = 1", True),
        ("CN(Cu-P) / CN(P-P) = 1 ± 9 and CN(P-Cu) = 7", False),
        ("not CN(Cu-P) / CN(P-P) = 1 ± 9", None),
    ],
)
def test_truth_by_hand(text: str, expected: bool | None) -> None:
    assert verdict(text, PAIR) is expected


def test_sites_of_real_crystals() -> None:
    perovskite = "Sr-Ti-O"
    assert verdict(
        "each CN(Ti-O, r=3 Å) = 6 and each CN(Sr-O, r=3.5 Å) = 12", PEROVSKITE, perovskite
    )
    assert verdict("fraction(CN({Sr, Ti}-O, r=3 Å) = 6) = 0.5", PEROVSKITE, perovskite)
    assert verdict("std(CN(*-O, r=3 Å)) > 0", PEROVSKITE, perovskite)
    assert verdict(
        "each CN(Na-Cl, r=3.5 Å) = 6 implies volume_per_atom > 20 Å^3", ROCK_SALT, "Na-Cl"
    )
    assert verdict("each CN(Na-Cl) = 6", PAIR, "Na-Cl") is None  # no Na


# No bound is a value that a count or its mean over three sites can have: on a strict bound the
# slack is 0 and the truth false.
TEXTS = [
    "each CN(Cu-P) = 2 ± 0.7",
    "any CN(Cu-P) > 2.9",
    "CN(Cu-P) = 3 ± 0.4 or CN(P-Cu) = 3 ± 0.4",
    "CN(Cu-P) > 2.1 and min_distance(*-*) > 1.5 Å",
    "not (CN(Cu-Cu) > 1.1 or each distance(P-Cu) < 2.4 Å)",
    "CN(Cu-Cu) > 1.1 implies volume_per_atom > 14 Å^3",
    "each (CN(Cu-P) > 1.1 implies distance(Cu-P) < 2.2 Å)",
    "not each (CN(Cu-P) < 2.9 or CN(Cu-Cu) < 0.9)",
]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), text=st.sampled_from(TEXTS))
def test_the_sign_of_the_slack_and_of_the_margin_is_the_truth(seed: int, text: str) -> None:
    """Of the same values: exact truth and margin, smooth slack, all read from the exact values of
    the descriptors.
    """
    rng = torch.Generator().manual_seed(seed)
    lattice = Lattice((4.5 * torch.eye(3) + 0.5 * torch.randn(3, 3, generator=rng)).numpy())
    structure = Structure(
        lattice, ["Cu", "P", "Cu", "P", "Cu", "P"], torch.rand(6, 3, generator=rng).numpy()
    )
    read = reading(structure)
    body = claim(text)
    holds, by, rho = truth(body, read), slack(body, read), margin(body, read)
    assert by.defined.all()
    assert (by.value >= -1e-9).item() == holds.true.item() == (rho.value >= -1e-9).item()


@settings(max_examples=30, deadline=None)
@given(st.lists(VALUES, min_size=2, max_size=2))
def test_three_values(values: list[float]) -> None:
    """Kleene's tables, on truth values that come from outside; NaN is neither true nor false."""
    read = reading(PAIR, novel=[values[0]], unique=[values[1]])
    a, b = (None if math.isnan(v) else bool(v) for v in values)

    def found(text: str) -> bool | None:
        result = truth(claim(text), read)
        return True if result.true.item() else False if result.false.item() else None

    assert found("novel and unique") is (
        False if False in (a, b) else None if None in (a, b) else True
    )
    assert found("novel or unique") is (
        True if True in (a, b) else None if None in (a, b) else False
    )
    assert found("not novel") is (None if a is None else not a)
    assert found("novel implies unique") is found("not novel or unique")


def test_a_batch_is_its_crystals_one_by_one() -> None:
    for text, kind in itertools.product(TEXTS, ("soft", "exact")):
        body = claim(text)
        together = slack(body, reading(PAIR, PAIR * (2, 1, 1), PAIR, kind=kind))
        alone = slack(body, reading(PAIR, kind=kind))
        torch.testing.assert_close(together.value, alone.value.expand(3), atol=1e-9, rtol=1e-9)
        assert torch.equal(together.defined, alone.defined.expand(3))


def test_a_descriptor_is_evaluated_once_per_reading() -> None:
    read = reading(PAIR)
    first, second = (
        quantity(ir.Aggregate("mean", ir.Measure("CN", (ir.Species("Cu", ("Cu",)),) * 2)), read)
        for _ in range(2)
    )
    assert isinstance(first, Field)
    assert first.value.item() == second.value.item()
    assert len(read._known) == 1


def test_where_nothing_is_defined_there_is_no_gradient() -> None:
    batch = CrystalBatch.from_structures([ROCK_SALT])
    frac, cell = batch.frac.clone().requires_grad_(), batch.cell.clone().requires_grad_()
    read = Reading(batch.with_geometry(frac, cell), "soft")
    for text in (
        "each CN(Cu-P) = 1",
        "any CN(Cu-P) = 1",
        "std(CN(Cu-P)) > 1",
        "fraction(CN(Cu-P) = 1) > 0.5",
        "CN(Cu-P) / CN(P-P) > 1",
    ):
        by = slack(claim(text), read)
        assert not by.defined.any()
        assert by.value.tolist() == [0.0]
        if by.value.requires_grad:
            grads = torch.autograd.grad(
                by.value.sum(),
                (frac, cell),
                allow_unused=True,
                materialize_grads=True,
                retain_graph=True,
            )
            assert all((g == 0).all() for g in grads)
