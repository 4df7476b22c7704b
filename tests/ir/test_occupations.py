"""Symbols of space groups, and the ways in which atoms fill their Wyckoff positions."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest

from scoutlang.ir import space_groups
from scoutlang.ir.space_groups import Occupation, Occupations


@pytest.mark.parametrize(
    ("symbol", "number"),
    [
        ("Fm-3m", 225),
        ("F m -3 m", 225),
        ("fm-3m", 225),
        ("P2_1/c", 14),
        ("P21/c", 14),
        ("P21/n", 14),
        ("P 1 2_1/n 1", 14),
        ("Pbnm", 62),
        ("Pnma", 62),
        ("P6_3/mmc", 194),
        ("R-3m", 166),
        ("Cmca", 64),
        ("Cmce", 64),
        ("P2_12_12_1", 19),
        ("I4_1/amd", 141),
        ("Fm3m", None),
        ("", None),
        ("cubic", None),
    ],
)
def test_symbols(symbol: str, number: int | None) -> None:
    assert space_groups.number_of(symbol) == number


def test_classes() -> None:
    assert [space_groups.crystal_system(n) for n in (1, 2, 3, 15, 16, 74, 75, 142, 143, 167)] == [
        "triclinic", "triclinic", "monoclinic", "monoclinic", "orthorhombic", "orthorhombic",
        "tetragonal", "tetragonal", "trigonal", "trigonal",
    ]  # fmt: skip
    assert [space_groups.point_group(n) for n in (1, 5, 6, 62, 186, 194, 216, 225)] == [
        "1", "2", "m", "mmm", "6mm", "6/mmm", "-43m", "m-3m",
    ]  # fmt: skip
    assert [space_groups.operations(n) for n in (1, 2, 62, 166, 194, 216, 225)] == [
        1, 2, 8, 12, 24, 24, 48,
    ]  # fmt: skip
    assert len(space_groups.POINT_GROUPS) == 32


def test_known_crystals_decide_what_is_drawn() -> None:
    """Two atoms of two elements in Fm-3m: rock salt, and nothing else."""
    ways = Occupations([225], 2)
    assert 2 in ways.sizes(range(1, 21))
    drawn = {ways.draw(2, random.Random(k)).occupation for k in range(20)}
    assert drawn == {Occupation(225, (0, 1))}


def test_occupations_have_the_frequency_of_known_crystals() -> None:
    ways, draw = Occupations(range(1, 231), 2), random.Random(0)
    counts = dict(ways._from_known(4))
    total, n = sum(counts.values()), 3000
    found = Counter(ways.draw(4, draw).occupation for _ in range(n))
    for one, count in counts.items():
        share = count / total
        assert abs(found[one] / n - share) < 5 * (share * (1 - share) / n) ** 0.5 + 1e-9


def test_a_formula_is_put_on_the_orbits_in_every_way() -> None:
    """Perovskite: the two sites of one atom in Pm-3m take Ca and Ti either way."""
    ways = Occupations([221], 3, (("Ca", 1), ("Ti", 1), ("O", 3)))
    draw = random.Random(1)
    drawn = Counter(ways.draw(5, draw) for _ in range(400))
    elements = Counter(
        tuple(sorted(zip(one.elements or (), one.occupation.sizes, strict=True)))
        for one in drawn.elements()
    )
    assert set(elements) == {(("Ca", 1), ("O", 3), ("Ti", 1))}
    assert len(drawn) >= 4  # two sites of one atom, two of three, and both ways round


def test_where_no_crystal_is_known_all_ways_are_equally_likely() -> None:
    """By brute force: P2 with four sites of one atom on each of four axes, two on the general."""
    ways = Occupations([3], 4)
    assert not [n for n in (19,) if ways._from_known(n)]
    found = Counter(
        tuple(sorted(space_groups._of_group(3).draw((3,), 2, random.Random(k)), key=str))
        for k in range(4000)
    )
    places = [0, 1, 2, 3]  # one atom each, free along the axis, so each again
    expected = (
        {
            tuple(sorted([(p, 0) for p in some], key=str))
            for some in itertools.combinations_with_replacement(places, 3)
        }
        | {((4, 0), (p, 0)) for p in places}
        | {((p, 0), (4, 0)) for p in places}
    )
    assert set(found) <= expected
    share = 1 / len(found)
    assert len(found) == 20 + 4
    assert all(abs(n / 4000 - share) < 5 * (share / 4000) ** 0.5 for n in found.values())


def test_nothing_is_drawn_that_does_not_fit() -> None:
    assert (
        Occupations([205], 4, (("Ca", 1), ("Cu", 1), ("Si", 1), ("P", 2))).sizes(range(1, 21)) == []
    )
    assert Occupations([230], 1).sizes(range(1, 8)) == []
    assert Occupations([223], 2).sizes([3]) == []
