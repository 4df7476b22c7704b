"""Wyckoff positions, found from the operations of the groups."""

from __future__ import annotations

import numpy as np
import pytest

from scoutlang.crystals.space_groups import space_group
from scoutlang.ir import space_groups as table

# Multiplicities of International Tables A in the conventional cell, over the lattice points in it.
KNOWN = {
    1: [1],
    2: [1] * 8 + [2],
    47: [1] * 8 + [2] * 12 + [4] * 6 + [8],
    62: [4, 4, 4, 8],
    166: [1, 1, 2, 3, 3, 6, 6, 6, 12],
    194: [2, 2, 2, 2, 4, 4, 6, 6, 12, 12, 12, 24],
    216: [1, 1, 1, 1, 4, 6, 6, 12, 24],
    221: [1, 1, 3, 3, 6, 6, 8, 12, 12, 12, 24, 24, 24, 48],
    225: [1, 1, 2, 6, 6, 8, 12, 12, 12, 24, 24, 48],
    227: [2, 2, 4, 4, 8, 12, 24, 24, 48],
}


@pytest.mark.parametrize("number", KNOWN)
def test_multiplicities(number: int) -> None:
    assert sorted(one.size for one in space_group(number).positions) == KNOWN[number]


@pytest.mark.slow
def test_all_groups_have_the_positions_of_the_tables() -> None:
    """1 731 Wyckoff positions in 230 groups; the sizes that the language reads are these."""
    groups = [space_group(number) for number in range(1, 231)]
    assert sum(len(group.positions) for group in groups) == 1731
    for group in groups:
        assert group.positions[-1].free == 3
        assert len(group.rotations) == group.positions[-1].size == table.operations(group.number)
        assert table._table()["positions"][str(group.number)] == [
            [one.size, one.free] for one in group.positions
        ]


@pytest.mark.parametrize("number", [2, 14, 62, 139, 166, 194, 216, 227])
def test_a_site_on_a_position_has_its_orbit_and_no_other(number: int) -> None:
    group, draw = space_group(number), np.random.default_rng(number)
    for place, position in enumerate(group.positions):
        site = position.point + position.freedom @ draw.uniform(0.05, 0.2, position.free)
        images = (site @ group.rotations.transpose(0, 2, 1) + group.translations) % 1.0
        apart = images[:, None] - images
        same = (np.abs(apart - np.round(apart)) < 1e-9).all(2)
        assert len(np.unique(same, axis=0)) == position.size
        for image in images[position.copies] + draw.integers(-2, 3, 3):
            assert group.position_of(image) == place
