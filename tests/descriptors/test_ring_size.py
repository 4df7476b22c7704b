"""ring_size(A-B): rings of known crystals in every setting, and networks without rings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from prototypes import measure, read
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.interfaces import api

Known = Mapping[str, list[Structure]]


@pytest.mark.parametrize(
    ("crystal", "a", "b", "size"),
    [
        ("diamond", "C", "C", 6),
        ("graphite", "C", "C", 6),
        ("black_phosphorus", "P", "P", 6),
        ("copper", "Cu", "Cu", 3),
        ("calcium_hexaboride", "B", "B", 3),
        ("polonium", "Po", "Po", 4),
        ("zinc_blende", "Zn", "S", 6),
        ("boron_nitride", "B", "N", 6),
        ("rock_salt", "Na", "Cl", 4),
        ("rutile", "Ti", "O", 4),
        ("rhenium_trioxide", "Re", "O", 8),
        ("perovskite", "Ti", "O", 8),
        ("quartz", "Si", "O", 12),
        ("cristobalite", "O", "Si", 12),
    ],
)
def test_rings_of_known_crystals(
    known_crystals: Known, crystal: str, a: str, b: str, size: int
) -> None:
    batch = CrystalBatch.from_structures(known_crystals[crystal])
    use = measure("ring_size", a, b, r=4.0) if crystal == "polonium" else measure("ring_size", a, b)
    for how in ("min", "max"):
        assert read(batch, use, "exact", how).value.tolist() == [size] * 4  # type: ignore[arg-type]


def test_chains_have_none_and_say_so(known_crystals: Known) -> None:
    """The helices of selenium end in their own images only."""
    [found] = api.measure(
        "system Se; expect each ring_size(Se-Se) = 8", known_crystals["selenium"][:1]
    )
    assert found.terms[0].satisfied is None
    assert found.terms[0].reason == (
        "ring_size(Se-Se) has no value: there is no ring of Se-Se bonds of 24 atoms or fewer"
    )


@pytest.mark.parametrize(("atoms", "size"), [(5, 5), (8, 8), (24, 24), (26, None)])
def test_one_ring_with_a_tail(atoms: int, size: int | None) -> None:
    """Every atom of the ring has its size; the tail is in no ring, and `each` does not hold."""
    turn = 2 * np.pi * np.arange(atoms) / atoms
    radius = 1.0 / np.sin(np.pi / atoms)
    ring = radius * np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    places = [*ring, ring[0] + [0, 0, 2.0]]
    crystal = Structure(Lattice.cubic(60), ["S"] * (atoms + 1), places, coords_are_cartesian=True)
    batch = CrystalBatch.from_structures([crystal])
    found = read(batch, measure("ring_size", "S", "S", r=2.2))
    assert (found.value.item() if found.defined.item() else None) == size
    [measured] = api.measure("system S; expect each ring_size(S-S, r=2.2 Å) > 4", [crystal])
    assert measured.terms[0].satisfied is not True
