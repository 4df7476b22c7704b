"""Exact answers on textbook structures, whatever cell describes them.

Lattice constants (Å) are the experimental ones; the default radii (sum of covalent radii + 0.5 Å) then lie between the first and
the second shell. Each row also gives a radius in the gap by hand.
"""

from __future__ import annotations

import math

import pytest
import torch
from pymatgen.core import Lattice, Structure

from scoutlang.crystal import CrystalBatch
from scoutlang.descriptors import modules
from scoutlang.elements import ATOMIC_NUMBER
from scoutlang.ir import Measure, Species

CN, DISTANCE, MIN_DISTANCE, VOLUME = (modules()[n] for n in ("CN", "distance", "min_distance", "volume_per_atom"))


def measure(name: str, a: str, b: str, r: float | None = None) -> Measure:
    species = tuple(Species(text=e, elements=tuple(e.split(","))) for e in (a, b))
    return Measure(descriptor=name, species=species, parameters=() if r is None else (("r", r),))


def prototype(group: str, a: float, species: list[str], coords: list[list[float]]) -> Structure:
    return Structure.from_spacegroup(group, Lattice.cubic(a), species, coords)


ROCK_SALT = prototype("Fm-3m", 5.64, ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])  # shells 2.82, 4.88; default r 3.18
ZINC_BLENDE = prototype("F-43m", 5.41, ["Zn", "S"], [[0, 0, 0], [0.25, 0.25, 0.25]])  # 2.34, 4.49; 2.77
CESIUM_CHLORIDE = prototype("Pm-3m", 4.12, ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])  # 3.57, 6.83; 3.96
FLUORITE = prototype("Fm-3m", 5.46, ["Ca", "F"], [[0, 0, 0], [0.25, 0.25, 0.25]])  # 2.36, 4.53; 2.83
PEROVSKITE = prototype(
    "Pm-3m", 3.905, ["Sr", "Ti", "O"], [[0.5, 0.5, 0.5], [0, 0, 0], [0.5, 0, 0]]
)  # Ti 1.95, 4.37; 2.76. Sr 2.76, 4.78; 3.11

KNOWN = [
    (ROCK_SALT, "Na", "Cl", 6, 3.8),
    (ROCK_SALT, "Na", "Na", 12, 4.5),
    (ZINC_BLENDE, "Zn", "S", 4, 3.4),
    (CESIUM_CHLORIDE, "Cs", "Cl", 8, 5.0),
    (FLUORITE, "Ca", "F", 8, 3.4),
    (FLUORITE, "F", "Ca", 4, 3.4),
    (PEROVSKITE, "Ti", "O", 6, 3.0),
    (PEROVSKITE, "Sr", "O", 12, 3.5),
    (PEROVSKITE, "O", "Ti", 2, 3.0),
    (PEROVSKITE, "O", "Sr,Ti", 6, 3.5),
    (PEROVSKITE, "Sr,Ti", "O", 9, 3.5),  # mean of 12 and 6: trap 13, the mean hides the mixture
]


def cells(structure: Structure) -> dict[str, Structure]:
    skewed = structure.get_primitive_structure()
    skewed.make_supercell([[1, 0, 0], [3, 1, 0], [-2, 1, 1]])  # determinant 1: the same crystal, thin and skewed
    return {
        "conventional": structure,
        "primitive": structure.get_primitive_structure(),
        "skewed": skewed,
        "2x1x1": structure * (2, 1, 1),
        "2x2x1 of primitive": structure.get_primitive_structure() * (2, 2, 1),
    }


@pytest.mark.parametrize(("structure", "a", "b", "expected", "r"), KNOWN, ids=lambda v: v.formula if isinstance(v, Structure) else str(v))
def test_coordination_numbers(structure: Structure, a: str, b: str, expected: int, r: float) -> None:
    batch = CrystalBatch.from_structures(list(cells(structure).values()))
    given = CN.exact(batch, measure("CN", a, b, r))
    assert given.defined.all()
    assert given.value.tolist() == pytest.approx([expected] * batch.size, abs=1e-12)
    if (a, b) != ("Na", "Na"):  # its default radius, 3.82 Å, is shorter than the Na-Na shell
        default = CN.exact(batch, measure("CN", a, b))
        assert default.value.tolist() == pytest.approx([expected] * batch.size, abs=1e-12)
    soft = CN.soft(batch, measure("CN", a, b, r)).value
    torch.testing.assert_close(soft, soft[:1].expand_as(soft))
    assert abs(float(soft[0]) - expected) < 0.1 * expected


def test_soft_value_and_derivative_by_hand() -> None:
    """Rock salt: 6 σ(8 (r − d)) from the first shell; d CN/d ln a = −6 · 8 · d · σ (1 − σ). The second shell adds nothing."""
    r, d = 1.66 + 1.02 + 0.5, 2.82
    sigma = 1 / (1 + math.exp(-8 * (r - d)))
    batch = CrystalBatch.from_structures([ROCK_SALT])
    cell = batch.cell.requires_grad_()
    value = CN.soft(batch, measure("CN", "Na", "Cl")).value
    assert value.item() == pytest.approx(6 * sigma, abs=1e-12)
    (gradient,) = torch.autograd.grad(value.sum(), cell)
    assert (gradient * cell).sum().item() == pytest.approx(-6 * 8 * d * sigma * (1 - sigma), abs=1e-10)


def test_trap_15_a_tight_radius_makes_soft_disagree_with_exact() -> None:
    batch = CrystalBatch.from_structures([ZINC_BLENDE])
    tight = measure("CN", "Zn", "S", 2.343 + 0.1)
    assert float(CN.exact(batch, tight).value) == 4
    assert float(CN.soft(batch, tight).value) < 3


def test_trap_12_absent_centre_is_undefined_and_absent_neighbour_is_zero() -> None:
    batch = CrystalBatch.from_structures([ROCK_SALT, CESIUM_CHLORIDE])
    for evaluate in (CN.soft, CN.exact):
        no_centre = evaluate(batch, measure("CN", "Na", "Cl"))
        assert no_centre.defined.tolist() == [True, False]
        no_neighbour = evaluate(batch, measure("CN", "Cl", "Na"))
        assert no_neighbour.defined.tolist() == [True, True]
        assert no_neighbour.value[1] == 0
    for descriptor, name in ((DISTANCE, "distance"), (MIN_DISTANCE, "min_distance")):
        for evaluate in (descriptor.soft, descriptor.exact):
            assert evaluate(batch, measure(name, "Cl", "Na")).defined.tolist() == [True, False]


def test_soft_species_are_weights() -> None:
    """p(Cl) = 1/2 on every chlorine: CN(Na-Cl) halves; p(Na) = 1/2 on every sodium: the mean over Na does not change."""
    batch = CrystalBatch.from_structures([ROCK_SALT])
    whole = float(CN.soft(batch, measure("CN", "Na", "Cl")).value)
    for symbol, factor in (("Cl", 0.5), ("Na", 1.0)):
        batch = CrystalBatch.from_structures([ROCK_SALT])
        batch.species[:, ATOMIC_NUMBER[symbol]] *= 0.5
        assert float(CN.soft(batch, measure("CN", "Na", "Cl")).value) == pytest.approx(factor * whole)


def test_an_atom_and_its_own_image_are_the_same_element() -> None:
    """One atom, half Cu and half Fe, cubic 2.5 Å: as Cu it has six Cu around it and never an Fe."""
    batch = CrystalBatch.from_structures([Structure(Lattice.cubic(2.5), ["Cu"], [[0, 0, 0]])])
    pure = float(CN.soft(batch, measure("CN", "Cu", "Cu")).value)
    batch.species[:] = 0
    batch.species[:, [26, 29]] = 0.5
    assert float(CN.soft(batch, measure("CN", "Cu", "Cu")).value) == pytest.approx(pure)
    assert float(CN.soft(batch, measure("CN", "Cu", "Fe")).value) == 0


def test_gradient_reaches_species() -> None:
    batch = CrystalBatch.from_structures([ROCK_SALT])
    species = batch.species.requires_grad_()
    (gradient,) = torch.autograd.grad(CN.soft(batch, measure("CN", "Na", "Cl")).value.sum(), species)
    assert (gradient[batch.weight([17]) > 0, 17] > 0).all()


def test_sharpness_may_differ_per_crystal() -> None:
    pair = CrystalBatch.from_structures([ROCK_SALT, ROCK_SALT])
    both = CN.soft(pair, measure("CN", "Na", "Cl"), sharpness=torch.tensor([8.0, 2.0])).value
    one = CrystalBatch.from_structures([ROCK_SALT])
    for k, sharpness in enumerate((8.0, 2.0)):
        assert float(both[k]) == pytest.approx(float(CN.soft(one, measure("CN", "Na", "Cl"), sharpness=sharpness).value))


def test_distances() -> None:
    batch = CrystalBatch.from_structures(list(cells(PEROVSKITE).values()))
    half = 3.905 / 2
    for descriptor, name, a, b, expected in (
        (DISTANCE, "distance", "Ti", "O", half),
        (DISTANCE, "distance", "Sr,Ti", "O", half * (1 + math.sqrt(2)) / 2),
        (DISTANCE, "distance", "Sr", "Sr", 3.905),
        (MIN_DISTANCE, "min_distance", "Sr,Ti", "O", half),
        (MIN_DISTANCE, "min_distance", "O", "O", half * math.sqrt(2)),
    ):
        for evaluate in (descriptor.soft, descriptor.exact):
            assert evaluate(batch, measure(name, a, b)).value.tolist() == pytest.approx([expected] * batch.size)


def test_a_lonely_pair_is_found_however_far() -> None:
    batch = CrystalBatch.from_structures([Structure(Lattice.cubic(60.0), ["Cu", "P"], [[0, 0, 0], [0.5, 0.5, 0.5]])])
    assert float(MIN_DISTANCE.exact(batch, measure("min_distance", "Cu", "P")).value) == pytest.approx(30 * math.sqrt(3))


def test_equal_shortest_pairs_share_the_gradient() -> None:
    """By symmetry no atom of rock salt is pushed, although its six shortest distances are equal."""
    batch = CrystalBatch.from_structures([ROCK_SALT])
    frac = batch.frac.requires_grad_()
    (gradient,) = torch.autograd.grad(MIN_DISTANCE.soft(batch, measure("min_distance", "Na", "Cl")).value.sum(), frac)
    assert gradient.abs().max() < 1.0  # one unshared pair would give 5.64


def test_volume_per_atom() -> None:
    batch = CrystalBatch.from_structures(list(cells(ROCK_SALT).values()))
    expected = 5.64**3 / 8
    for evaluate in (VOLUME.soft, VOLUME.exact):
        assert evaluate(batch, Measure(descriptor="volume_per_atom")).value.tolist() == pytest.approx([expected] * batch.size)
