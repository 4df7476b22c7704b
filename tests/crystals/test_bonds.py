"""Neighbour lists with weights, shortest distances, and the small geometry below them."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.crystals.neighbours import (
    MAX_BOND_PAIRS,
    Bonds,
    angle,
    at_one_centre,
    bonds,
    cell_volume,
    shortest,
    sound_cell,
    uncrowded,
)
from scoutlang.ir.elements import neighbour_radius


def random_structures(seed: int, count: int = 3) -> list[Structure]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        atoms = int(rng.integers(3, 8))
        matrix = (16.0 * atoms) ** (1 / 3) * (np.eye(3) + 0.15 * rng.normal(size=(3, 3)))
        found.append(
            Structure(
                Lattice(matrix),
                rng.choice(["Cu", "P", "Si"], size=atoms),
                rng.uniform(-2, 2, size=(atoms, 3)),
            )
        )
    return found


@pytest.mark.parametrize(
    ("centres", "neighbours", "radius"),
    [(("Cu",), ("P",), None), (("Cu", "Si"), ("P", "Si"), None), (("P",), ("P",), 4.2)],
)
def test_hard_bonds_are_those_of_pymatgen(
    centres: tuple[str, ...], neighbours: tuple[str, ...], radius: float | None
) -> None:
    structures = random_structures(1)
    found = bonds(CrystalBatch.from_structures(structures), centres, neighbours, radius)
    counted = found.weight == 1
    assert ((found.weight == 0) | counted).all()
    assert (found.i.diff() >= 0).all()
    first = 0
    for structure in structures:
        kinds = [site.specie.symbol for site in structure]
        expected = Counter(
            (i, j, round(d, 6))
            for i, j, d in zip(
                *(structure.get_neighbor_list(6.0, exclude_self=True)[k] for k in (0, 1, 3)),
                strict=True,
            )
            if kinds[i] in centres
            and kinds[j] in neighbours
            and d <= (radius or neighbour_radius(kinds[i], kinds[j]))
        )
        here = counted & (found.i >= first) & (found.i < first + len(structure))
        ours = Counter(
            (i - first, j - first, round(d, 6))
            for i, j, d in zip(
                found.i[here].tolist(),
                found.j[here].tolist(),
                found.distance[here].tolist(),
                strict=True,
            )
        )
        assert ours == expected
        first += len(structure)
    assert counted.any()


def test_soft_weights_by_hand() -> None:
    """Cu at the origin and an atom 2.5 Å away that is P by 0.6 and Si by 0.3: both smooth steps,
    each by its probability.
    """
    batch = CrystalBatch.from_structures(
        [Structure(Lattice.cubic(10.0), ["Cu", "P"], [[0, 0, 0], [0.25, 0, 0]])]
    )
    batch.species[1] = 0
    batch.species[1, 15], batch.species[1, 14] = 0.6, 0.3
    found = bonds(batch, ["Cu"], ["P", "Si"], sharpness=8.0)
    steps = {e: 1 / (1 + math.exp(-8 * (neighbour_radius("Cu", e) - 2.5))) for e in ("P", "Si")}
    (weight,) = found.weight[found.i == 0].tolist()
    assert weight == pytest.approx(0.6 * steps["P"] + 0.3 * steps["Si"])


def test_a_weight_does_not_depend_on_how_sure_the_centre_is() -> None:
    batch = CrystalBatch.from_structures(
        [Structure(Lattice.cubic(10.0), ["Cu", "P"], [[0, 0, 0], [0.25, 0, 0]])]
    )
    sure = bonds(batch, ["Cu"], ["P"], sharpness=8.0)
    batch.species[0, 29] = 0.3
    unsure = bonds(batch, ["Cu"], ["P"], sharpness=8.0)
    torch.testing.assert_close(unsure.weight, sure.weight)
    assert unsure.centre.tolist() == [0.3, 0.0]


def test_a_site_exactly_on_the_radius_is_a_neighbour() -> None:
    batch = CrystalBatch.from_structures(
        [Structure(Lattice.cubic(3.0 * (1 + 1e-9)), ["Cu"], [[0.1, 0.2, 0.3]])]
    )
    assert bonds(batch, ["Cu"], ["Cu"], 3.0).weight.sum() == 6


def test_pairs_of_bonds_at_one_centre() -> None:
    batch = CrystalBatch.from_structures(random_structures(5))
    first, second = bonds(batch, ["Cu"], ["P"], 4.0), bonds(batch, ["Cu"], ["Si"], 4.5)
    k, m = at_one_centre(first, second)
    everything = [
        (a, b)
        for a in range(len(first.i))
        for b in range(len(second.i))
        if first.i[a] == second.i[b]
    ]
    assert sorted(zip(k.tolist(), m.tolist(), strict=True)) == everything
    assert everything


def test_a_crystal_with_too_many_pairs_of_bonds_is_reported_and_spoils_nothing() -> None:
    """One atom in 1 Å^3 has 2108 neighbours within 8 Å, that is 4.4 million pairs."""
    dense, good = (
        Structure(Lattice.cubic(1.0), ["Cu"], [[0, 0, 0]]),
        Structure(Lattice.cubic(3.0), ["Cu"], [[0, 0, 0]]),
    )
    found = bonds(CrystalBatch.from_structures([good, dense, good]), ["Cu"], ["Cu"], 8.0)
    assert torch.bincount(found.i)[1] > MAX_BOND_PAIRS**0.5
    kept = uncrowded(found)
    assert kept.overflow.tolist() == [False, True, False]
    assert torch.equal(
        torch.bincount(kept.i, minlength=3), torch.bincount(found.i) * torch.tensor([1, 0, 1])
    )
    assert uncrowded(kept).i is kept.i


def test_no_bonds_make_no_pairs() -> None:
    batch = CrystalBatch.from_structures(random_structures(5))
    none: Bonds = bonds(batch, ["Fe"], ["P"], 4.0)
    assert [len(x) for x in at_one_centre(none, none)] == [0, 0]


def test_shortest_of_groups_of_atoms() -> None:
    """Per atom, and over all atoms of a crystal: the least entry of pymatgen's lists."""
    structures = random_structures(9)
    batch = CrystalBatch.from_structures(structures)
    ones = torch.ones(len(batch.system), dtype=batch.frac.dtype)
    per_atom, overflow = shortest(batch, torch.arange(len(ones)), len(ones), ones, ones)
    assert not overflow.any()
    expected = [
        min(n.nn_distance for n in structure.get_neighbors(site, 8.0))
        for structure in structures
        for site in structure
    ]
    np.testing.assert_allclose(per_atom, expected)
    per_crystal, _ = shortest(batch, batch.system, batch.size, ones, ones)
    np.testing.assert_allclose(
        per_crystal, [per_atom[batch.system == b].min() for b in range(batch.size)]
    )
    nothing, _ = shortest(batch, batch.system, batch.size, ones, 0 * ones)
    assert nothing.isinf().all()


@pytest.mark.parametrize("degrees", [0.0, 1e-5, 60.0, 90.0, 179.99999, 180.0])
def test_angles_and_their_slopes(degrees: float) -> None:
    turn = math.radians(degrees)
    u = torch.tensor([[2.0, 0.0, 0.0]], dtype=torch.float64)
    v = torch.tensor([[3 * math.cos(turn), 3 * math.sin(turn), 0.0]], dtype=torch.float64)
    if degrees == 180.0:
        v[0, 1] = 0.0  # sin π is 1e-16 in floating point
    u.requires_grad_(), v.requires_grad_()
    value = angle(u, v)
    assert value.item() == pytest.approx(degrees, abs=1e-9)
    along_u, along_v = torch.autograd.grad(value.sum(), (u, v))
    straight = degrees in (0.0, 180.0)
    # one radian per 3 Å across
    assert along_v.norm().item() == pytest.approx(0 if straight else 180 / math.pi / 3, abs=1e-6)
    assert along_u.norm().item() == pytest.approx(0 if straight else 180 / math.pi / 2, abs=1e-6)


def test_cells_that_are_none_become_cubes_without_a_gradient() -> None:
    cell = torch.eye(3, dtype=torch.float64).repeat(5, 1, 1) * 4
    cell[1] *= float("nan")
    cell[2, 2] = 0
    cell[3] *= 0.02  # 0.0005 Å^3
    cell[4, 0, 0] = float("inf")
    cell.requires_grad_()
    sound, which = sound_cell(cell)
    assert which.tolist() == [True, False, False, False, False]
    assert cell_volume(sound).tolist() == [64.0, 1.0, 1.0, 1.0, 1.0]
    (gradient,) = torch.autograd.grad(cell_volume(sound).sum(), cell)
    assert gradient[0].abs().sum() > 0
    assert (gradient[1:] == 0).all()
