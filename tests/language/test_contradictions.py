"""E050 forbids a program, so it must never be said of requirements that a crystal can satisfy."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from pymatgen.core import Lattice, Structure

import scoutlang
from scoutlang.evaluation.measure import measure_terms
from scoutlang.evaluation.measurement import TermMeasurement
from scoutlang.interfaces.api import as_program

# Some species again and again, so that pairs of one family are common.
_SPECIES = ("Cu", "P", "{Cu, P}", "{P, Cu}", "{Cu, Si}", "*")
_PAIRS = [f"{a}-{b}" for a, b in itertools.product(("Cu", "{Cu, Si}", "*"), _SPECIES)]
_OF_SITES = [
    f"{d}({p}{r})"
    for d in ("CN", "distance")
    for p in _PAIRS
    for r in (("", ", r=3") if d == "CN" else ("",))
]
QUANTITIES = (
    *(f"{how}({q})" for how in ("mean", "min", "max", "sum", "std") for q in _OF_SITES),
    *(f"fraction({q} > 2.5)" for q in _OF_SITES),
    *(f"min_distance({p})" for p in _PAIRS),
    *(f"{d}({s})" for d in ("count", "atomic_fraction") for s in _SPECIES),
    *(f"CN({p}) - CN({q})" for p, q in itertools.pairwise(_PAIRS)),
    *(f"2 * CN({p})" for p in _PAIRS),
    "volume_per_atom",
    "density",
    "a",
    "alpha",
)


def crystal(random_: random.Random) -> Structure:
    lattice = Lattice.from_parameters(
        *(random_.uniform(2.5, 6) for _ in range(3)), *(random_.uniform(70, 110) for _ in range(3))
    )
    symbols = ["Cu", *(random_.choice(("Cu", "Si", "P")) for _ in range(random_.randint(0, 6)))]
    return Structure(lattice, symbols, [[random_.random() for _ in range(3)] for _ in symbols])


def relation(quantity: str, value: float, random_: random.Random) -> str:
    """A relation that holds for the value, often only just, with bounds that the quantity can have."""
    most = 1.0 if "fraction" in quantity.partition("(")[0] else math.inf
    slack = random_.choice((0.0, 0.0, 0.3 * random_.random()))
    half = random_.choice((1e-3, 0.5, 1.0))
    off = half * random_.choice((-1.0, 0.0, 1.0, random_.uniform(-1, 1)))
    low, high, middle = (
        x if value < 0 else min(max(x, 0.0), most)
        for x in (value - slack, value + slack, value + off)
    )
    return random_.choice(
        (f">= {low!r}", f"<= {high!r}", f"in [{low!r}, {high!r}]", f"= {middle!r} ± {half!r}")
    )


def rows(claims: list[str], structure: Structure) -> list[TermMeasurement]:
    program = as_program("system Cu-Si-P;" + ";".join(claims))
    return measure_terms(program.terms, [structure])[0]


def satisfied(structure: Structure, random_: random.Random) -> list[str]:
    """Claims that hold for a crystal by the exact evaluator; what is undefined in it is left out."""
    chosen = [
        *random_.sample(QUANTITIES, 50),
        *(f"{how}({q})" for q in random_.sample(_OF_SITES, 5) for how in ("min", "max")),
    ]
    measured = rows([f"prefer {q} as low as possible" for q in chosen], structure)
    values = {
        q: row.exact for q, row in zip(chosen, measured, strict=True) if row.exact is not None
    }
    claims = [f"{q} {relation(q, v, random_)}" for q, v in values.items()]
    claims += [
        f"each {q.removeprefix('min(')[:-1]} >= {v!r}"
        for q, v in values.items()
        if q.startswith("min(")
    ]
    claims += [
        f"each {q.removeprefix('max(')[:-1]} <= {v!r}"
        for q, v in values.items()
        if q.startswith("max(")
    ]
    return [
        c
        for c, row in zip(claims, rows([f"expect {c}" for c in claims], structure), strict=True)
        if row.satisfied
    ]


def codes(text: str) -> list[str]:
    return [d.code for d in scoutlang.check(text).diagnostics if d.severity == "error"]


@pytest.mark.parametrize("seed", range(4))
def test_what_a_crystal_satisfies_is_no_contradiction(seed: int) -> None:
    random_ = random.Random(seed)
    claims = satisfied(crystal(random_), random_)
    assert len(claims) > 20
    for _ in range(20):
        together = "; ".join(f"require {c}" for c in random_.sample(claims, 20))
        assert codes(f"system Cu-Si-P; {together}") == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CN(Cu-P) = 4", "CN(Cu-P) = 6"),
        ("CN(Cu-P) = 4", "CN(Cu-*) <= 3"),
        ("CN(Cu-{P, Si}) <= 3", "CN(Cu-P) >= 4"),
        ("each CN(Cu-P) = 4", "CN(Cu-P) = 6"),
        ("each CN(Cu-P) >= 4", "each CN(Cu-P) < 3"),
        ("each CN(Cu-P) >= 4", "max(CN(Cu-*)) < 3"),
        ("each distance(Cu-*) > 3", "min(distance(Cu-P)) < 2"),
        ("min_distance(*-*) > 2.5", "min_distance(Cu-P) < 2"),
        ("atomic_fraction(Cu) > 0.6", "atomic_fraction({Cu, Si}) < 0.5"),
        ("sum(CN(Cu-P)) > 10", "sum(CN(Cu-{Si, P})) < 9"),
        ("std(CN(Cu-P)) > 1", "std(CN(Cu-P)) < 0.5"),
        ("density < 5", "density >= 5"),
    ],
)
def test_what_no_crystal_satisfies_is_told(one: str, other: str) -> None:
    assert codes(f"system Cu-Si-P; require {one}; require {other}") == ["E050"]
    assert codes(f"system Cu-Si-P; require {other} and density > 1; require {one}") == ["E050"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CN(Cu-P) = 4", "CN(P-*) <= 3"),
        ("CN(Cu-P) = 4", "CN(*-P) <= 3"),
        ("CN(Cu-P, r=3 Å) >= 4", "CN(Cu-*) <= 3"),
        ("std(CN(Cu-P)) > 1", "std(CN(Cu-*)) < 0.5"),
        ("CN(Cu-P) >= 4", "min(CN(Cu-*)) <= 3"),
        ("any CN(Cu-P) = 4", "any CN(Cu-P) = 6"),
        ("not CN(Cu-P) = 4", "CN(Cu-P) = 4.2"),
        ("CN(Cu-P) = 4 or density > 2", "CN(Cu-P) = 6"),
        ("density <= 5", "density >= 5"),
        ("density = 0.7 ± 0.1", "density >= 0.8"),
        ("fraction(CN(Cu-P) = 4) > 0.5", "fraction(CN(Cu-*) = 4) < 0.2"),
        ("each CN(Cu-P) = 4", "any CN(Cu-P) = 4.4"),
        ("angle(P-Cu-P) > 100", "angle(*-Cu-*) < 90"),
        ("shape(Cu-P, cube) < 2", "shape(Cu-*, cube) > 9"),
    ],
)
def test_what_can_hold_is_not_told(one: str, other: str) -> None:
    assert codes(f"system Cu-Si-P; require {one}; require {other}") == []


def test_only_requirements_contradict() -> None:
    assert (
        codes("system Cu-P; require CN(Cu-P) = 4; prefer CN(Cu-P) = 6; expect CN(Cu-P) = 6") == []
    )
