"""The tests of a plug-in: its file is right, and its entry point is."""

from __future__ import annotations

import scoutlang_bond_valence

from scoutlang.ir import Measure, Species
from scoutlang.testing import check_descriptor, check_entry_point


def test_the_descriptor() -> None:
    copper, silicon = Species("Cu", ("Cu",)), Species("Si", ("Si",))
    check_descriptor(scoutlang_bond_valence, Measure("bond_valence_sum", (copper, silicon)))


def test_the_entry_point() -> None:
    check_entry_point("bond_valence_sum")
