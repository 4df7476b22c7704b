"""Bond-orientational order: Steinhardt's textbook values, pymatgen's on the same neighbours, and
the laws of the harmonics.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pymatgen.analysis.local_env import LocalStructOrderParams
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import bond_order
from scoutlang.descriptors._harmonics import harmonics
from scoutlang.ir import Measure, Species
from scoutlang.testing import check_descriptor


def q(centre: str, neighbour: str, degree: int, r: float | None = None) -> Measure:
    species = tuple(Species(text=e, elements=tuple(e.split(","))) for e in (centre, neighbour))
    return Measure("q", species, (("l", degree),) if r is None else (("l", degree), ("r", r)))


def cubic(group: str, a: float, species: list[str], coords: list[list[float]]) -> Structure:
    return Structure.from_spacegroup(group, Lattice.cubic(a), species, coords)


FCC = cubic("Fm-3m", 3.61, ["Cu"], [[0, 0, 0]])
BCC = cubic("Im-3m", 2.87, ["Fe"], [[0, 0, 0]])
SC = cubic("Pm-3m", 3.35, ["Po"], [[0, 0, 0]])
HCP = Structure.from_spacegroup(
    "P6_3/mmc", Lattice.hexagonal(3.2, 3.2 * np.sqrt(8 / 3)), ["Mg"], [[1 / 3, 2 / 3, 1 / 4]]
)
ZINC_BLENDE = cubic("F-43m", 5.41, ["Zn", "S"], [[0, 0, 0], [0.25, 0.25, 0.25]])
ROCK_SALT = cubic("Fm-3m", 5.64, ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])

# (structure, A, B, r, l, value): Steinhardt et al. 1983, fig. 2; Mickel et al., J. Chem. Phys. 138,
# 044501 (2013), table I
TEXTBOOK = [
    (FCC, "Cu", "Cu", 3.0, 4, 0.191),
    (FCC, "Cu", "Cu", 3.0, 6, 0.575),
    (HCP, "Mg", "Mg", 3.5, 4, 0.097),
    (HCP, "Mg", "Mg", 3.5, 6, 0.485),
    (BCC, "Fe", "Fe", 3.2, 4, 0.036),
    (BCC, "Fe", "Fe", 3.2, 6, 0.511),
    (SC, "Po", "Po", 4.0, 4, 0.764),
    (SC, "Po", "Po", 4.0, 6, 0.354),
    (ROCK_SALT, "Na", "Cl", None, 4, 0.764),
    (ZINC_BLENDE, "Zn", "S", None, 3, 0.745),
    (ZINC_BLENDE, "Zn", "S", None, 4, 0.509),
    (ZINC_BLENDE, "Zn", "S", None, 6, 0.628),
]


@pytest.mark.parametrize(("structure", "a", "b", "r", "degree", "value"), TEXTBOOK)
def test_textbook_values_in_any_cell(
    structure: Structure, a: str, b: str, r: float | None, degree: int, value: float
) -> None:
    skewed = structure.get_primitive_structure()
    skewed.make_supercell([[1, 0, 0], [3, 1, 0], [-2, 1, 1]])
    found = bond_order.exact(
        CrystalBatch.from_structures([structure, skewed, structure * (2, 1, 1)]), q(a, b, degree, r)
    )
    counted = found.value[found.weight > 0]
    assert len(counted) > 2
    assert counted.tolist() == pytest.approx([value] * len(counted), abs=6e-4)


def test_agrees_with_pymatgen_on_distorted_crystals() -> None:
    parameters = LocalStructOrderParams(["q2", "q4", "q6"])
    for structure in (ROCK_SALT, ZINC_BLENDE, FCC, BCC):
        distorted = structure * (2, 2, 2)
        distorted.perturb(0.2)
        a, b = distorted[0].specie.symbol, distorted[-1].specie.symbol
        measures = [q(a, b, degree, 3.3) for degree in (2, 4, 6)]
        found = [bond_order.exact(CrystalBatch.from_structures([distorted]), m) for m in measures]
        for site in (0, 1):
            neighbours = [
                n for n in distorted.get_neighbors(distorted[site], 3.3) if n.specie.symbol == b
            ]
            # The class reads images from the sites that it is given, so the neighbours stand beside
            # the centre in a large box.
            box = Lattice.cubic(100)
            origin = distorted[site].coords
            cluster = Structure(
                box,
                [a] + [b] * len(neighbours),
                [[50] * 3, *(n.coords - origin + 50 for n in neighbours)],
                coords_are_cartesian=True,
            )
            theirs = parameters.get_order_parameters(
                cluster, 0, indices_neighs=list(range(1, len(cluster)))
            )
            assert [float(f.value[site]) for f in found] == pytest.approx(theirs, abs=1e-8)


@pytest.mark.parametrize("degree", range(1, 13))
def test_addition_theorem(degree: int) -> None:
    vectors = torch.nn.functional.normalize(
        torch.randn(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(degree)),
        dim=-1,
    )
    y = harmonics(vectors, degree)
    legendre = np.polynomial.legendre.Legendre.basis(degree)(np.asarray(vectors @ vectors.T))
    np.testing.assert_allclose(np.asarray(y @ y.T), legendre, atol=1e-12)


def test_one_bond_is_1_a_lonely_site_is_left_out_and_an_empty_order_has_no_gradient() -> None:
    pair = Structure(
        Lattice.cubic(10), ["Cu", "P", "Cu"], [[0, 0, 0], [0.21, 0.1, 0.05], [0.5, 0.5, 0.5]]
    )
    batch = CrystalBatch.from_structures([pair])
    found = bond_order.exact(batch, q("Cu", "P", 5))
    assert found.weight.tolist() == [1, 0, 0]
    assert float(found.value[0]) == pytest.approx(1)
    salt = CrystalBatch.from_structures([ROCK_SALT])  # an octahedron has no order of degree 3
    frac = salt.frac.requires_grad_()
    value = bond_order.soft(salt, q("Na", "Cl", 3)).value
    assert value.abs().max() < 1e-12
    value.sum().backward()
    assert frac.grad is not None
    assert frac.grad.isfinite().all()


@pytest.mark.parametrize("degree", [1, 6, 12])
def test_conforms(degree: int) -> None:
    check_descriptor(bond_order, q("Cu", "P", degree))


def test_conforms_for_sets_of_elements() -> None:
    check_descriptor(bond_order, q("Cu,Si", "Cu,P", 4, 3.0))
