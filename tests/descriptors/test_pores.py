"""largest_pore and largest_channel: by hand, known crystals in every setting, and what Zeo++ says
of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from prototypes import measure, read, settings
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import modules
from scoutlang.interfaces import api
from scoutlang.testing import check_descriptor

Known = Mapping[str, list[Structure]]


def both(crystals: list[Structure], radius: float) -> list[list[float]]:
    """Pores and channels in Å."""
    batch = CrystalBatch.from_structures(crystals)
    return [
        read(batch, measure(name, radius=radius)).value.tolist()
        for name in ("largest_pore", "largest_channel")
    ]


def sodalite() -> Structure:
    """The framework of silica."""
    return Structure.from_spacegroup(
        "Im-3m", Lattice.cubic(8.83), ["Si", "O"], [[0.25, 0.5, 0], [0, 0.3545, 0.3545]]
    )


def test_holes_of_lattices_by_hand() -> None:
    """Octahedral hole and triangular neck of ccp, the middle of a cube and of its faces."""
    a = 4.0
    ccp = Structure(
        Lattice.cubic(a), ["Cu"] * 4, np.array([[0, 0, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1]]) / 2
    )
    cube = Structure(Lattice.cubic(a), ["Po"], [[0, 0, 0]])
    for crystal, pore, neck in (
        (ccp, a / 2, a / 6**0.5),
        (cube, a * 3**0.5 / 2, a / 2**0.5),
    ):
        found = both(settings(crystal), 0.5)
        assert found[0] == pytest.approx([2 * pore - 1] * 4)
        assert found[1] == pytest.approx([2 * neck - 1] * 4)


@pytest.mark.parametrize(
    ("crystal", "pore", "channel"),
    [  # pyzeo 0.2.0 (Zeo++), all radii 1 Å
        ("anatase", 1.948, 1.772),
        ("arsenic", 2.761, 1.898),
        ("bismuth_telluride", 3.637, 2.510),
        ("calcite", 2.091, 1.472),
        ("fluorite", 2.731, 0.897),
        ("quartz", 2.535, 1.833),
        ("rhenium_trioxide", 3.281, 1.734),
        ("skutterudite", 3.679, 1.418),
        ("tenorite", 1.301, 1.020),
    ],
)
def test_agrees_with_zeo(known_crystals: Known, crystal: str, pore: float, channel: float) -> None:
    found = both(known_crystals[crystal], 1.0)
    assert found[0] == pytest.approx([pore] * 4, abs=0.002)
    assert found[1] == pytest.approx([channel] * 4, abs=0.002)


def test_the_cage_of_sodalite() -> None:
    [found] = api.measure(
        "system Si-O; expect largest_pore = 6.15 ± 0.02 Å; expect largest_channel = 2.41 ± 0.02 Å",
        [sodalite()],
    )
    assert [term.satisfied for term in found.terms] == [True, True]


def test_a_long_thin_cell_and_one_with_nothing_in_it() -> None:
    """A slab with a vacuum of 30 Å, and a chain of atoms far from others."""
    slab = Structure(Lattice.tetragonal(2.5, 30), ["Cu"], [[0, 0, 0]])
    assert both([slab], 1.0)[0] == pytest.approx([2 * (15**2 + 2 * 1.25**2) ** 0.5 - 2])
    empty = Structure(Lattice.orthorhombic(2.5, 200, 200), ["Cu"], [[0, 0, 0]])
    [found] = api.measure("system Cu; expect largest_pore > 10 Å", [empty])
    assert found.terms[0].satisfied is None


@pytest.mark.parametrize("name", ["largest_pore", "largest_channel"])
def test_conformance(name: str) -> None:
    check_descriptor(modules()[name], measure(name, radius=0.3), seed=1)
