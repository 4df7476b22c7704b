"""torsion(A-B-C-D): chains of known crystals in every setting, and those of four atoms by hand."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from prototypes import measure, read
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import torsion

Known = Mapping[str, list[Structure]]


def shares(batch: CrystalBatch, place: int, *species: str, **radius: float) -> dict[int, float]:
    """Degrees, to the nearest ten → share of the chains of one crystal."""
    found = torsion.exact(batch, measure("torsion", *species, **radius))
    mine = found.value[(found.system == place) & (found.weight == 1)]
    mine = (10 * (mine / 10).round()).int().tolist()
    return {degrees: count / len(mine) for degrees, count in sorted(Counter(mine).items())}


@pytest.mark.parametrize(
    ("crystal", "chain", "expected"),
    [
        ("diamond", "CCCC", {60: 2 / 3, 180: 1 / 3}),
        # of four bonds one is eclipsed, with 3 chains at 0° and 6 at 120°
        ("lonsdaleite", "CCCC", {0: 1 / 12, 60: 1 / 2, 120: 1 / 6, 180: 1 / 4}),
        ("graphite", "CCCC", {0: 1 / 2, 180: 1 / 2}),
    ],
)
def test_chains_of_carbon(
    known_crystals: Known, crystal: str, chain: str, expected: dict[int, float]
) -> None:
    batch = CrystalBatch.from_structures(known_crystals[crystal])
    for place in range(batch.size):
        assert shares(batch, place, *chain) == pytest.approx(expected)


def test_the_helix_of_selenium(known_crystals: Known) -> None:
    batch = CrystalBatch.from_structures(known_crystals["selenium"])
    use = measure("torsion", "Se", "Se", "Se", "Se")
    for kind in ("soft", "exact"):
        found = read(batch, use, kind).value.tolist()  # type: ignore[arg-type]
        assert found == pytest.approx([100.6] * 4, abs=4.0 if kind == "soft" else 0.3)


def four(degrees: float, bend: float = 110.0) -> CrystalBatch:
    """P-Cu-Si-As, bonds of 2.2 Å, bent by ``bend`` at both inner atoms."""
    b, c = np.zeros(3), np.array([0, 0, 2.2])
    out, up = 2.2 * math.sin(math.radians(bend)), 2.2 * math.cos(math.radians(bend))
    turn = math.radians(degrees)
    a = np.array([out, 0, up])
    d = c + np.array([out * math.cos(turn), out * math.sin(turn), -up])
    structure = Structure(
        Lattice.cubic(20), ["P", "Cu", "Si", "As"], [a, b, c, d], coords_are_cartesian=True
    )
    return CrystalBatch.from_structures([structure])


@pytest.mark.parametrize("degrees", [0.0, 30.0, 75.0, 180.0, 300.0])
def test_four_atoms(degrees: float) -> None:
    batch = four(degrees)
    for chain in (("P", "Cu", "Si", "As"), ("As", "Si", "Cu", "P")):
        found = read(batch, measure("torsion", *chain, r=2.5))
        assert found.value.item() == pytest.approx(min(degrees, 360 - degrees), abs=1e-6)


def test_a_straight_chain_has_no_torsion_and_no_broken_gradient() -> None:
    batch = four(40.0, bend=179.9)
    use = measure("torsion", "P", "Cu", "Si", "As", r=2.5)
    assert not read(batch, use).defined.any()
    frac = batch.frac.requires_grad_()
    found = torsion.soft(batch, use)
    assert found.value.isfinite().all()
    (gradient,) = torch.autograd.grad(
        (found.value * found.weight).sum(), frac, allow_unused=True, materialize_grads=True
    )
    assert gradient.isfinite().all()


def test_four_different_atoms() -> None:
    """Three atoms in a ring are no chain of four."""
    ring = [[0, 0, 0], [2.2, 0, 0], [1.1, 1.9, 0]]
    batch = CrystalBatch.from_structures(
        [Structure(Lattice.cubic(20), ["P"] * 3, ring, coords_are_cartesian=True)]
    )
    assert not read(batch, measure("torsion", "P", "P", "P", "P", r=2.5)).defined.any()


def test_a_cell_with_too_many_chains_is_not_measured_and_spoils_nothing() -> None:
    dense = Structure(Lattice.cubic(1.0), ["P"], [[0, 0, 0]])
    good = four(40.0)
    batch = CrystalBatch.from_structures([dense, *[s.copy() for s in _structures(good)]])
    use = measure("torsion", "P,Cu,Si,As", "P,Cu,Si,As", "P,Cu,Si,As", "P,Cu,Si,As", r=3.8)
    assert read(batch, use).defined.tolist() == [False, True]


def _structures(batch: CrystalBatch) -> list[Structure]:
    from scoutlang.descriptors._structures import decided_structures

    return [s for s in decided_structures(batch) if s is not None]
