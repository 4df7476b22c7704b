"""conventional_a to conventional_gamma: the lattice constants of the literature, whatever cell
describes the crystal.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from prototypes import measure, read
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.interfaces import api

Known = Mapping[str, list[Structure]]
NAMES = [f"conventional_{name}" for name in ("a", "b", "c", "alpha", "beta", "gamma")]


@pytest.mark.parametrize(
    ("crystal", "expected"),
    [
        ("rutile", (4.5922, 4.5922, 2.9574, 90, 90, 90)),
        ("copper", (3.6149, 3.6149, 3.6149, 90, 90, 90)),
        ("tungsten", (3.155, 3.155, 3.155, 90, 90, 90)),
        ("wurtzite", (3.8227, 3.8227, 6.2607, 90, 90, 120)),
        ("corundum", (4.7607, 4.7607, 12.9947, 90, 90, 120)),
        ("bismuth_telluride", (4.3691, 4.3691, 30.4229, 90, 90, 120)),
        ("anatase", (3.785, 3.785, 9.514, 90, 90, 90)),
        ("baddeleyite", (5.1505, 5.2116, 5.3173, 90, 99.23, 90)),
        ("black_phosphorus", (3.3136, 10.478, 4.3763, 90, 90, 90)),
    ],
)
def test_lattice_constants_in_every_setting(
    known_crystals: Known, crystal: str, expected: tuple[float, ...]
) -> None:
    batch = CrystalBatch.from_structures(known_crystals[crystal])
    for name, constant in zip(NAMES, expected, strict=True):
        found = read(batch, measure(name)).value.tolist()
        assert found == pytest.approx([constant] * 4, abs=1e-3)


def test_a_ratio_that_the_reduced_cell_does_not_have(known_crystals: Known) -> None:
    ratios = "expect conventional_c / conventional_a = 0.644 ± 0.005; expect c / a = 1.553 ± 0.005"
    for found in api.measure(f"system Ti-O; {ratios}", known_crystals["rutile"][:3]):
        assert [term.satisfied for term in found.terms] == [True, True]


def test_how_far_symmetry_may_be_broken() -> None:
    """A cube with one edge longer by 0.02 Å is cubic within 0.1 Å and tetragonal within 0.001 Å."""
    batch = CrystalBatch.from_structures(
        [Structure(Lattice.orthorhombic(4, 4, 4.02), ["Po"], [[0, 0, 0]])]
    )
    edges = [read(batch, measure("conventional_c", symprec=s)).value.item() for s in (0.1, 1e-3)]
    assert edges == pytest.approx([12.02 / 3, 4.02], abs=1e-3)


def test_no_value_where_atoms_cannot_be_told_apart() -> None:
    batch = CrystalBatch.from_structures(
        [Structure(Lattice.cubic(4), ["Po", "Po"], [[0, 0, 0], [0.01, 0, 0]])]
    )
    assert not read(batch, measure("conventional_a")).defined.any()


def test_it_only_judges() -> None:
    assert not api.check("system Ti-O; require conventional_a < 5 Å").ok
