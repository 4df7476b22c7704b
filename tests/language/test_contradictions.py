"""E050 forbids a program, so it must never be said of requirements that a crystal can satisfy."""

from __future__ import annotations

import itertools
import math
import random
from pathlib import Path

import pytest
from pymatgen.core import Lattice, Structure

import scoutlang
from scoutlang.evaluation.measure import measure_terms
from scoutlang.evaluation.measurement import TermMeasurement
from scoutlang.interfaces.api import as_program

STRUCTURES = Path(__file__).parents[2] / "examples" / "structures"

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


ELEMENTS = ("Cu", "Si", "P")
OF_EVERY_PAIR = [
    q
    for a, b in itertools.product((*ELEMENTS, "{Cu, P}", "*"), repeat=2)
    for q in (
        f"CN({a}-{b})",
        f"sum(CN({a}-{b}))",
        f"min(CN({a}-{b}))",
        f"max(CN({a}-{b}))",
        f"max(distance({a}-{b}))",
        f"mean(distance({a}-{b}))",
        f"min_distance({a}-{b})",
        f"fraction(CN({a}-{b}) = 4)",
        f"fraction(CN({a}-{b}) >= 5)",
        f"fraction(CN({a}-{b}) in {{1, 2}})",
        f"CN({a}-{b}) + CN({a}-{a})",
        f"CN({a}-{b}) - CN({b}-{a})",
        f"count({a}) / count({b})",
    )
]
OF_THE_CRYSTAL = [
    *(f"{d}({s})" for d in ("count", "atomic_fraction") for s in (*ELEMENTS, "{Cu, P}", "*")),
    *(f"{x} / {y}" for x, y in itertools.permutations("abc", 2)),
    *(f"{x} - {y}" for x, y in itertools.permutations("abc", 2)),
    *"abc",
    "a + b + c",
    "2 * atomic_fraction(Cu) - atomic_fraction(P)",
]
LOGIC = (
    "any {q} {r}",
    "each {q} {r}",
    "not any {q} {r}",
    "not each {q} {r}",
    "not {q} {r}",
    "fraction({q} {r}) > 0",
    "fraction({q} {r}) >= 1",
    "any ({q} {r} and {q} >= 1)",
)


def of_sites(random_: random.Random) -> str:
    """A claim about sites with whole and half numbers, which crystals meet often by chance."""
    pair = f"{random_.choice(ELEMENTS)}-{random_.choice((*ELEMENTS, '*'))}"
    number = random_.choice((0.5, 1, 2, 3, 4, 5, 6))
    asked = random_.choice(("=", "<", ">", "<=", ">=")), number
    return random_.choice(LOGIC).format(q=f"CN({pair})", r=" ".join(map(str, asked)))


def real_and_random(random_: random.Random) -> Structure:
    """A crystal with a dozen atoms at most, dense enough for bonds."""
    if random_.random() < 0.3:
        files = [STRUCTURES / name for name in ("CuP2.cif", "Cu3P.cif")]
        return Structure.from_file(random_.choice(files))
    return crystal(random_)


@pytest.mark.parametrize("version", ["", "scout 1;"])
@pytest.mark.parametrize("seed", range(4))
def test_what_holds_together_is_no_contradiction(seed: int, version: str) -> None:
    """Threes, and the composition that goes with them, by the exact evaluator."""
    random_ = random.Random(seed)
    structure = real_and_random(random_)
    chosen = [*random_.sample(OF_EVERY_PAIR, 80), *random_.sample(OF_THE_CRYSTAL, 20)]
    measured = rows([f"expect {q} = 0 ± 1e9" for q in chosen], structure)
    values = {q: r.exact for q, r in zip(chosen, measured, strict=True) if r.exact is not None}
    claims = [f"{q} {relation(q, v, random_)}" for q, v in values.items() for _ in range(2)]
    # with the default tolerance of a count
    counts = [q for q in values if q.startswith(("CN", "count")) and "/" not in q]
    claims += [f"{q} = {values[q] + 0.4:.0f}" for q in counts]
    claims += [of_sites(random_) for _ in range(200)]
    program = as_program(f"{version}system Cu-Si-P;" + ";".join(f"expect {c}" for c in claims))
    found = measure_terms(program.terms, [structure])[0]
    true = [c for c, row in zip(claims, found, strict=True) if row.satisfied]
    assert len(true) > 60
    amounts = structure.composition.reduced_composition.get_el_amt_dict()
    formula = "".join(f"{e}{n:g}" for e, n in amounts.items())
    others = ["", f'formula "{formula}";', f"atoms in [1, {len(structure)}];"]
    others.append(f'formula "{formula}"; atoms = {len(structure)};')
    for size in (3, 3, 3, 6):
        for _ in range(25):
            together = "; ".join(f"require {c}" for c in random_.sample(true, size))
            text = f"{version}system Cu-Si-P; {random_.choice(others)} {together}"
            assert codes(text) == [], text


@pytest.mark.parametrize(
    "claims",
    [
        # finding 8: what passed without a word
        'formula "CuP2"; require CN(Cu-P) = 4; require CN(P-Cu) = 4',
        'formula "CuP2"; require atomic_fraction(Cu) = 0.5',
        'formula "Cu3P"; require atomic_fraction(Cu) < 0.5',
        "require a > 10 Å; require c < 8 Å",
        "require each CN(Cu-P) = 4; require any CN(Cu-P) = 6",
        "require min_distance(Cu-P) > 3 Å; require CN(Cu-P) = 4",
        "require max(distance(Cu-P)) < 2; require min_distance(Cu-P) > 2.3",
        "require CN(Cu-P) = 4; require CN(Cu-*) = 3",
        "require atomic_fraction(Cu) > 0.6; require atomic_fraction(P) > 0.6",
        "require fraction(CN(Cu-P) = 4) > 0.6; require fraction(CN(Cu-P) = 6) > 0.6",
        "require CN(Cu-P) = 4; require not CN(Cu-P) = 4",
        "atoms <= 4; require count(Cu) = 5",
        # three at a time
        "require CN(Cu-P) = 4; require CN(P-Cu) = 2; require atomic_fraction(P) < 0.5;"
        "require atomic_fraction(Si) < 0.01",
        "require CN(Cu-P) = 4; require CN(Cu-Si) = 2; require CN(Cu-*) < 5",
        'formula "CuP2"; atoms in [3, 9]; require count(P) = 5',
        'formula "CuP"; require count(Cu) / count(P) = 2 ± 0.1',
        "require CN(Cu-P) in {4, 6}; require not CN(Cu-P) < 7",
        "require fraction(CN(Cu-P) = 4) >= 0.4; require fraction(CN(Cu-P) = 5) >= 0.4;"
        "require fraction(CN(Cu-P) = 6) >= 0.4",
        "require min_distance(*-*) > 3 Å; require any CN(Cu-P) >= 1",
        "require each CN(Cu-P) >= 4; require not any CN(Cu-P) > 2",
        "require fraction(CN(Cu-P) = 4) > 0.5; require each CN(Cu-P) > 5",
    ],
)
def test_what_no_crystal_meets_together_is_told(claims: str) -> None:
    found = [
        d for d in scoutlang.check(f"system Cu-Si-P; {claims}").diagnostics if d.code == "E050"
    ]
    assert len(found) == 1
    assert found[0].secondary  # both lines


@pytest.mark.parametrize(
    "claim", ["c / a = 0.644 ± 0.02", "c < a", "b / c > 1.2", "each CN(Cu-P) = 2.5 ± 0.2"]
)
def test_what_no_crystal_has_is_told_of_one_line(claim: str) -> None:
    assert codes(f"system Cu-Si-P; require {claim}") == ["E044"]


def test_the_ends_of_a_count_decide_by_the_version_of_the_file() -> None:
    both = "system Cu-P; require CN(Cu-P) = 4; require CN(Cu-P) = 5"
    assert codes(both) == ["E050"]
    assert codes(f"scout 1; {both}") == []  # 4.5 is a four and a five there
    assert codes(f"scout 1.1; {both}") == ["E050"]


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
        ("CN(Cu-P) in [3, 3]", "CN(Cu-P) > 0.5"),
        ("CN(Cu-P) in [3, 3]", "CN(Cu-P) = 3"),
        ("CN(Cu-P) - CN(Cu-P) >= 0", "density > 1"),
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
