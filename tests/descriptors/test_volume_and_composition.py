"""volume_per_atom, density, packing_fraction, count and atomic_fraction: known values, species
probabilities, masked atoms, doubts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from prototypes import measure, read
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import modules
from scoutlang.ir import Relation
from scoutlang.ir.elements import ATOMIC_NUMBER

Known = Mapping[str, list[Structure]]
CU, O = ATOMIC_NUMBER["Cu"], ATOMIC_NUMBER["O"]  # noqa: E741


def one(known_crystals: Known, name: str) -> CrystalBatch:
    return CrystalBatch.from_structures(known_crystals[name][:1])


@pytest.mark.parametrize("kind", ["soft", "exact"])
@pytest.mark.parametrize(
    ("crystal", "name", "expected"),
    [
        # Handbook densities; 1 %, as lattice constants of other temperatures differ
        ("copper", "density", 8.96),
        ("rock_salt", "density", 2.165),
        ("corundum", "density", 3.98),
        ("tungsten", "density", 19.3),
        # 4/3 π r^3 over the volume per atom, by hand
        ("copper", "packing_fraction", 9.634 / 11.810),
        ("diamond", "packing_fraction", 1.8388 / 5.5924),
    ],
)
def test_known_values(
    known_crystals: Known, crystal: str, name: str, expected: float, kind: str
) -> None:
    assert read(one(known_crystals, crystal), measure(name), kind).value.item() == pytest.approx(
        expected, rel=0.01
    )


def test_absent_elements_have_a_share_of_zero(known_crystals: Known) -> None:
    for kind in ("soft", "exact"):
        for name in ("count", "atomic_fraction"):
            found = read(one(known_crystals, "copper"), measure(name, "O"), kind)
            assert found.defined.all()
            assert found.value.item() == 0


def test_soft_values_weigh_probabilities_and_exact_ones_decide(known_crystals: Known) -> None:
    """Cuprite has 4 Cu and 2 O; every Cu is made 3/4 Cu and 1/4 O."""
    batch = one(known_crystals, "cuprite")
    copper = batch.species[:, CU].clone()
    batch.species[:, CU], batch.species[:, O] = 0.75 * copper, batch.species[:, O] + 0.25 * copper
    assert read(batch, measure("count", "Cu"), "soft").value.item() == pytest.approx(3)
    assert read(batch, measure("atomic_fraction", "Cu"), "soft").value.item() == pytest.approx(0.5)
    assert read(batch, measure("count", "Cu,O"), "soft").value.item() == pytest.approx(6)
    assert read(batch, measure("count", "Cu")).value.item() == 4
    whole = one(known_crystals, "cuprite")
    for name in ("density", "packing_fraction"):
        torch.testing.assert_close(
            read(batch, measure(name)).value, read(whole, measure(name)).value
        )
        assert (
            read(batch, measure(name), "soft").value < read(whole, measure(name), "soft").value
        ).all()


def test_a_half_masked_crystal_is_not_taken_for_a_lighter_one(known_crystals: Known) -> None:
    whole = one(known_crystals, "cuprite")
    masked = replace(whole, species=0.5 * whole.species)
    for use in (
        measure("density"),
        measure("packing_fraction"),
        measure("atomic_fraction", "Cu"),
        measure("count", "Cu"),
    ):
        torch.testing.assert_close(read(masked, use, "soft").value, read(whole, use, "soft").value)
    nothing = replace(whole, species=0.0 * whole.species)
    for use in (
        measure("density"),
        measure("packing_fraction"),
        measure("atomic_fraction", "Cu"),
        measure("count", "Cu"),
    ):
        assert not read(nothing, use, "soft").defined.any()


def test_gradient_reaches_species(known_crystals: Known) -> None:
    """More copper instead of oxygen: heavier, larger, and more copper."""
    for use in (
        measure("density"),
        measure("packing_fraction"),
        measure("atomic_fraction", "Cu"),
        measure("count", "Cu"),
    ):
        batch = one(known_crystals, "cuprite")
        species = batch.species.requires_grad_()
        (gradient,) = torch.autograd.grad(read(batch, use, "soft").value.sum(), species)
        assert (gradient[:, CU] > gradient[:, O]).all()


def test_an_element_without_a_radius_has_no_packing_fraction() -> None:
    batch = CrystalBatch.from_structures(
        [Structure(Lattice.cubic(3.0), [e], [[0, 0, 0]]) for e in ("Cf", "Cu")]
    )
    for kind in ("soft", "exact"):
        assert read(batch, measure("packing_fraction"), kind).defined.tolist() == [False, True]
        assert read(batch, measure("density"), kind).defined.all()


@pytest.mark.parametrize("name", ["volume_per_atom", "density", "packing_fraction"])
def test_a_flat_cell_is_undefined(known_crystals: Known, name: str) -> None:
    batch = one(known_crystals, "rock_salt")
    flat = batch.with_geometry(batch.frac, batch.cell * torch.tensor([1.0, 1.0, 0.0])[:, None])
    for kind in ("soft", "exact"):
        assert not read(flat, measure(name), kind).defined.any()


def codes(name: str, relation: Relation) -> list[str]:
    return [c.code for c in modules()[name].SIGNATURE.concerns(measure(name), relation)]


def test_less_room_than_atoms_need_is_doubted() -> None:
    assert codes("volume_per_atom", Relation("<=", high=4.0)) == ["W055"]
    assert codes("volume_per_atom", Relation("=", target=0.02, tolerance=0.25)) == ["W055"]
    assert codes("volume_per_atom", Relation("in", low=1.0, high=3.0)) == ["W055"]
    assert codes("volume_per_atom", Relation("=", target=5.67, tolerance=0.25)) == []  # diamond
    assert codes("volume_per_atom", Relation(">=", low=1.0)) == []


def test_denser_than_osmium_is_doubted() -> None:
    assert codes("density", Relation(">=", low=25.0)) == ["W055"]
    assert codes("density", Relation("=", target=26.0, tolerance=0.25)) == ["W055"]
    assert codes("density", Relation("=", target=22.6, tolerance=0.25)) == []
    assert codes("density", Relation("<=", high=30.0)) == []
