"""distance(A-B) and min_distance(A-B): by hand, their gradients, and where they are undefined."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import torch
from prototypes import measure, read
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import distance
from scoutlang.ir.elements import ATOMIC_NUMBER

Known = Mapping[str, list[Structure]]
HALF = 3.795 / 2  # of the edge of the perovskite


@pytest.mark.parametrize("kind", ["soft", "exact"])
@pytest.mark.parametrize(
    ("name", "a", "b", "expected"),
    [
        ("distance", "Ti", "O", HALF),
        ("distance", "Ca,Ti", "O", HALF * (1 + math.sqrt(2)) / 2),
        ("distance", "Ca", "Ca", 2 * HALF),
        ("min_distance", "Ca,Ti", "O", HALF),
        ("min_distance", "O", "O", HALF * math.sqrt(2)),
    ],
)
def test_perovskite(
    known_crystals: Known, name: str, a: str, b: str, expected: float, kind: str
) -> None:
    batch = CrystalBatch.from_structures(known_crystals["perovskite"])
    assert read(batch, measure(name, a, b), kind).value.tolist() == pytest.approx(
        [expected] * batch.size
    )


def test_shortest_distance_is_the_least_of_the_sites(known_crystals: Known) -> None:
    batch = CrystalBatch.from_structures(known_crystals["baddeleyite"])
    nearest = read(batch, measure("distance", "O", "Zr"), how="min").value
    torch.testing.assert_close(nearest, read(batch, measure("min_distance", "O", "Zr")).value)
    assert (nearest < read(batch, measure("distance", "O", "Zr")).value).all()


@pytest.mark.parametrize("kind", ["soft", "exact"])
@pytest.mark.parametrize("name", ["distance", "min_distance"])
def test_undefined_without_either_species(known_crystals: Known, name: str, kind: str) -> None:
    batch = CrystalBatch.from_structures(
        [known_crystals[n][0] for n in ("rock_salt", "cesium_chloride")]
    )
    assert read(batch, measure(name, "Cl", "Na"), kind).defined.tolist() == [True, False]
    assert read(batch, measure(name, "Na", "Cl"), kind).defined.tolist() == [True, False]


def test_a_lonely_pair_is_found_however_far() -> None:
    batch = CrystalBatch.from_structures(
        [Structure(Lattice.cubic(60.0), ["Cu", "P"], [[0, 0, 0], [0.5, 0.5, 0.5]])]
    )
    for name in ("distance", "min_distance"):
        assert read(batch, measure(name, "Cu", "P")).value.item() == pytest.approx(
            30 * math.sqrt(3)
        )


def test_equal_shortest_pairs_share_the_gradient(known_crystals: Known) -> None:
    """By symmetry no atom of rock salt is pushed, although its six shortest distances are equal."""
    batch = CrystalBatch.from_structures(known_crystals["rock_salt"][:1])
    frac = batch.frac.requires_grad_()
    (gradient,) = torch.autograd.grad(
        read(batch, measure("min_distance", "Na", "Cl"), "soft").value.sum(), frac
    )
    assert gradient.abs().max() < 1.0  # one unshared pair would give 5.64


def test_undecided_sites_are_not_pushed_and_decided_ones_weigh_their_probability(
    known_crystals: Known,
) -> None:
    batch = CrystalBatch.from_structures(known_crystals["rock_salt"][:1])
    sodium = ATOMIC_NUMBER["Na"]
    first, second = batch.species[:, sodium].nonzero().squeeze(-1)[:2].tolist()
    batch.species[first, sodium] = 0.4
    batch.species[second, sodium] = 0.7
    found = distance.soft(batch, measure("distance", "Na", "Cl"))
    assert found.weight[first] == 0
    assert found.weight[second] == pytest.approx(0.7)
