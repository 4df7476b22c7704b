"""angle(A-B-C): ideal polyhedra, which pairs are angles, weights, and slopes at 0° and 180°."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import pytest
import torch
from prototypes import measure, read
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import angle
from scoutlang.ir import Relation
from scoutlang.ir.elements import ATOMIC_NUMBER

Known = Mapping[str, list[Structure]]
TETRAHEDRON = math.degrees(math.acos(-1 / 3))


def histogram(batch: CrystalBatch, *species: str, **parameters: float) -> dict[float, int]:
    """Rounded angle → how often, in the first crystal."""
    found = angle.exact(batch, measure("angle", *species, **parameters))
    return dict(
        Counter(
            round(v, 3) for v in found.value[(found.system == 0) & (found.weight == 1)].tolist()
        )
    )


def test_ideal_polyhedra(known_crystals: Known) -> None:
    first = {
        n: CrystalBatch.from_structures(known_crystals[n][:1])
        for n in ("zinc_blende", "rock_salt", "cesium_chloride", "perovskite")
    }
    assert histogram(first["zinc_blende"], "S", "Zn", "S") == {round(TETRAHEDRON, 3): 4 * 6}
    assert histogram(first["rock_salt"], "Cl", "Na", "Cl") == {90.0: 4 * 12, 180.0: 4 * 3}
    assert histogram(first["cesium_chloride"], "Cl", "Cs", "Cl") == {
        round(180 - TETRAHEDRON, 3): 12,
        round(TETRAHEDRON, 3): 12,
        180.0: 4,
    }
    assert histogram(first["perovskite"], "Ti", "O", "Ti") == {180.0: 3}
    assert histogram(first["perovskite"], "Ca", "O", "Ti", r=3.0) == {90.0: 3 * 4 * 2}


def test_each_pair_of_neighbours_is_one_angle_where_the_sets_overlap(known_crystals: Known) -> None:
    """Around O of a perovskite are 4 Ca and 2 Ti: 15 pairs, 6 of them Ca-Ca, 8 Ca-Ti, 1 Ti-Ti."""
    batch = CrystalBatch.from_structures(known_crystals["perovskite"][:1])
    for a, c, pairs in (
        ("Ca", "Ca", 6),
        ("Ca", "Ti", 8),
        ("Ca,Ti", "Ca,Ti", 15),
        ("Ca,Ti", "Ca", 14),
        ("Ti", "Ca,Ti", 9),
    ):
        assert sum(histogram(batch, a, "O", c, r=3.0).values()) == 3 * pairs
        assert histogram(batch, a, "O", c, r=3.0) == histogram(batch, c, "O", a, r=3.0)


@pytest.mark.parametrize("setting", range(4))
def test_soft_mean_of_a_tetrahedron(known_crystals: Known, setting: int) -> None:
    batch = CrystalBatch.from_structures(known_crystals["zinc_blende"][setting : setting + 1])
    assert read(batch, measure("angle", "S", "Zn", "S"), "soft").value.item() == pytest.approx(
        TETRAHEDRON, abs=1e-3
    )


def test_weight_is_the_product_of_probabilities(known_crystals: Known) -> None:
    """Zn, S and S′ at p(Zn) = 0.9 and p(S) = 0.8 on all of them: 0.9 · 0.8² of the angles, at the
    smooth steps of their bonds.
    """
    batch = CrystalBatch.from_structures(known_crystals["zinc_blende"][:1])
    whole = angle.soft(batch, measure("angle", "S", "Zn", "S"))
    batch.species[:, ATOMIC_NUMBER["Zn"]] *= 0.9
    batch.species[:, ATOMIC_NUMBER["S"]] *= 0.8
    part = angle.soft(batch, measure("angle", "S", "Zn", "S"))
    step = 1 / (1 + math.exp(-8 * (1.22 + 1.05 + 0.5 - 5.4093 * math.sqrt(3) / 4)))
    tetrahedral = (whole.value - TETRAHEDRON).abs() < 0.01
    assert whole.weight[tetrahedral].max().item() == pytest.approx(step**2)
    assert part.weight.max().item() == pytest.approx(0.9 * 0.8**2 * step**2)


def test_a_straight_angle_has_no_slope_and_a_bent_one_has(known_crystals: Known) -> None:
    for crystal, straight in (("perovskite", True), ("orthorhombic_perovskite", False)):
        batch = CrystalBatch.from_structures(known_crystals[crystal][:1])
        frac = batch.frac.requires_grad_()
        (gradient,) = torch.autograd.grad(
            read(batch, measure("angle", "Ti", "O", "Ti"), "soft").value.sum(), frac
        )
        assert gradient.isfinite().all()
        assert (gradient.abs().max() < 1e-6) == straight


def test_atoms_at_one_place_make_no_angle_and_no_broken_gradient() -> None:
    batch = CrystalBatch.from_structures(
        [
            Structure(
                Lattice.cubic(4.0),
                ["Cu", "P", "P", "P"],
                [[0, 0, 0], [0, 0, 0], [0.5, 0, 0], [0.5, 0, 0]],
            )
        ]
    )
    frac, cell = batch.frac.requires_grad_(), batch.cell.requires_grad_()
    found = angle.soft(batch, measure("angle", "P", "Cu", "P"))
    assert found.value.isfinite().all()
    for gradient in torch.autograd.grad((found.value * found.weight).sum(), (frac, cell)):
        assert gradient.isfinite().all()


def test_undefined_where_a_centre_has_fewer_than_two_neighbours() -> None:
    batch = CrystalBatch.from_structures(
        [Structure(Lattice.cubic(9.0), ["Cu", "P"], [[0, 0, 0], [0.25, 0, 0]])]
    )
    for kind in ("soft", "exact"):
        assert not read(batch, measure("angle", "P", "Cu", "P"), kind).defined.any()


def test_an_element_without_a_radius_needs_one() -> None:
    relation, doubts = Relation("=", target=109.5, tolerance=5.0), angle.SIGNATURE.concerns
    assert [c.code for c in doubts(measure("angle", "O", "Cf", "O"), relation)] == ["E048"]
    assert list(doubts(measure("angle", "O", "Cf", "O", r=3.0), relation)) == []
    assert "Cu-P 2.89" in angle.formula(measure("angle", "P", "Cu", "P"))
