"""Which space groups may have all operations of another, by their point groups."""

from __future__ import annotations

from scoutlang.ir.space_groups import LAST, POINT_GROUPS, may_contain, point_group

# International Tables for Crystallography A, figure 3.2.1.3: a point group, its maximal subgroups
MAXIMAL = {
    "-1": "1", "2": "1", "m": "1", "2/m": "-1 2 m", "222": "2", "mm2": "2 m", "mmm": "2/m 222 mm2",
    "4": "2", "-4": "2", "4/m": "2/m 4 -4", "422": "222 4", "4mm": "mm2 4", "-42m": "222 mm2 -4",
    "4/mmm": "mmm 4/m 422 4mm -42m", "3": "1", "-3": "-1 3", "32": "2 3", "3m": "m 3",
    "-3m": "2/m -3 32 3m", "6": "2 3", "-6": "m 3", "6/m": "2/m -3 6 -6", "622": "222 32 6",
    "6mm": "mm2 3m 6", "-6m2": "mm2 32 3m -6", "6/mmm": "mmm -3m 6/m 622 6mm -6m2", "23": "222 3",
    "m-3": "mmm -3 23", "432": "422 32 23", "-43m": "-42m 3m 23", "m-3m": "4/mmm -3m m-3 432 -43m",
}  # fmt: skip


def subgroups(name: str) -> set[str]:
    return {name}.union(*(subgroups(part) for part in MAXIMAL.get(name, "").split()))


def test_no_supergroup_is_ruled_out_and_most_others_are() -> None:
    """All pairs of the 32 classes: what is a subgroup may be contained, and of what is none only
    pairs remain that have the orders, axes and centres of one.
    """
    first = {point_group(n): n for n in range(LAST, 0, -1)}
    assert set(first) == set(POINT_GROUPS)
    left = set()
    for large in POINT_GROUPS:
        below = subgroups(large)
        for small in POINT_GROUPS:
            allowed = may_contain(first[large], first[small])
            assert allowed or small not in below, f"{small} is a subgroup of {large}"
            if allowed and small not in below:
                left.add((large, small))
    assert len(left) < 60
    assert ("m-3m", "6") not in left


def test_groups_of_one_class_may_contain_each_other() -> None:
    assert may_contain(221, 225)  # half of the cell
    assert not may_contain(62, 225)
    assert may_contain(225, 62)
    assert not may_contain(33, 62)
    assert not may_contain(194, 225)
