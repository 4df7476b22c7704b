"""Periodic pairs against independent neighbour lists, and the traps of periodic images."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.neighborlist import neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.crystals.neighbours import MAX_IMAGES, cell_heights, cell_volume, pairs, smooth_step


def random_structure(seed: int, max_atoms: int = 6) -> Structure:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, max_atoms + 1))
    while True:
        matrix = (15.0 * n) ** (1 / 3) * (np.eye(3) + 0.5 * rng.normal(size=(3, 3)))
        if abs(np.linalg.det(matrix)) > 4.0 * n:
            return Structure(
                Lattice(matrix), rng.choice(["Cu", "P"], size=n), rng.uniform(-3, 3, size=(n, 3))
            )


def thin_skewed_cell() -> Structure:
    """Heights 7.5, 0.78 and 6 Å: the second vector nearly lies along the first."""
    return Structure(
        Lattice([[8.0, 0.0, 0.0], [7.5, 0.8, 0.0], [3.0, 0.2, 6.0]]), ["Cu"], [[0.1, 0.2, 0.3]]
    )


def sorted_distances(batch: CrystalBatch, cutoff: float) -> list[np.ndarray]:
    found = pairs(batch, cutoff, max_images=10**6)  # random cells may be very thin
    assert not found.overflow.any()
    return [np.sort(found.distance[found.system == b].numpy()) for b in range(batch.size)]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), cutoff=st.floats(1.0, 7.0))
def test_agrees_with_pymatgen_on_random_crystals(seed: int, cutoff: float) -> None:
    structures = [random_structure(seed + k) for k in range(3)]
    ours = sorted_distances(CrystalBatch.from_structures(structures), cutoff)
    for mine, structure in zip(ours, structures, strict=True):
        theirs = np.sort(structure.get_neighbor_list(cutoff, exclude_self=True)[3])
        np.testing.assert_allclose(mine, theirs, atol=1e-8)


def test_vector_is_the_difference_of_the_named_images() -> None:
    batch = CrystalBatch.from_structures([random_structure(3), random_structure(4)])
    found = pairs(batch, 5.0)
    cartesian = torch.einsum("nk,nkl->nl", batch.frac, batch.cell[batch.system])
    translation = torch.einsum("pk,pkl->pl", found.shift, batch.cell[found.system])
    torch.testing.assert_close(found.vector, cartesian[found.j] - cartesian[found.i] + translation)
    assert torch.equal(found.shift, found.shift.round())
    assert torch.equal(batch.system[found.i], batch.system[found.j])


def test_trap_10_thin_skewed_cell_needs_more_than_27_images() -> None:
    structure, cutoff = thin_skewed_cell(), 4.0
    steps = np.array([s for s in itertools.product((-1, 0, 1), repeat=3) if s != (0, 0, 0)])
    within_27 = int((np.linalg.norm(steps @ structure.lattice.matrix, axis=1) <= cutoff).sum())
    atoms = Atoms("Cu", cell=structure.lattice.matrix, pbc=True)
    expected = np.sort(neighbor_list("d", atoms, cutoff))
    (ours,) = sorted_distances(CrystalBatch.from_structures([structure]), cutoff)
    np.testing.assert_allclose(ours, expected, atol=1e-10)
    assert len(ours) > within_27 > 0


def test_trap_11_unwrapped_coordinates_have_the_same_neighbours() -> None:
    batch = CrystalBatch.from_structures([random_structure(7)])
    moved = batch.with_geometry(batch.frac + torch.randint(-40, 40, batch.frac.shape), batch.cell)
    np.testing.assert_allclose(
        sorted_distances(batch, 5.0)[0], sorted_distances(moved, 5.0)[0], atol=1e-10
    )


def test_own_images_count_and_self_does_not() -> None:
    cubic = CrystalBatch.from_structures([Structure(Lattice.cubic(3.0), ["Cu"], [[0, 0, 0]])])
    found = pairs(cubic, 3.1)
    assert found.distance.tolist() == pytest.approx([3.0] * 6)
    assert (found.shift.abs().sum(-1) == 1).all()


def test_cutoff_may_differ_per_centre() -> None:
    batch = CrystalBatch.from_structures([random_structure(11), random_structure(12)])
    cutoff = torch.linspace(2.0, 6.0, len(batch.frac), dtype=torch.float64)
    everything, found = pairs(batch, 6.0), pairs(batch, cutoff)
    assert len(found.i) == int((everything.distance <= cutoff[everything.i]).sum())
    assert (found.distance <= cutoff[found.i]).all()


def test_pairs_without_weight_are_skipped() -> None:
    batch = CrystalBatch.from_structures([random_structure(21), random_structure(22)])
    centre, neighbour = batch.weight([29]), batch.weight([15])
    everything, found = pairs(batch, 5.0), pairs(batch, 5.0, centre, neighbour)
    wanted = (centre[everything.i] * neighbour[everything.j]) > 0
    assert len(found.i) == int(wanted.sum()) > 0
    assert (centre[found.i] == 1).all()
    assert (neighbour[found.j] == 1).all()


def test_float32_finds_the_same_pairs() -> None:
    structures = [random_structure(k) for k in range(8)]
    double, single = (
        pairs(CrystalBatch.from_structures(structures, dtype=d), 4.7)
        for d in (torch.float64, torch.float32)
    )
    assert torch.equal(double.i, single.i)
    assert torch.equal(double.shift, single.shift.double())
    assert single.distance.dtype == torch.float32


@pytest.mark.parametrize("flaw", [0.0, 1e-9, 1e-3, float("nan"), float("inf")])
def test_degenerate_cell_is_reported_and_spoils_nothing(flaw: float) -> None:
    good = random_structure(5)
    batch = CrystalBatch.from_structures([good, good, good])
    batch.cell[1] *= flaw
    found = pairs(batch, 5.0)
    assert found.overflow.tolist() == [False, True, False]
    alone = sorted_distances(CrystalBatch.from_structures([good]), 5.0)[0]
    for b, expected in ((0, alone), (1, []), (2, alone)):
        np.testing.assert_allclose(np.sort(found.distance[found.system == b].numpy()), expected)


def test_nan_coordinates_are_reported() -> None:
    batch = CrystalBatch.from_structures([random_structure(5), random_structure(6)])
    batch.frac[0, 1] = float("nan")
    assert pairs(batch, 4.0).overflow.tolist() == [True, False]


def test_image_limit_is_a_choice_of_the_caller() -> None:
    batch = CrystalBatch.from_structures([thin_skewed_cell()])
    assert pairs(batch, 4.0, max_images=27).overflow.all()
    assert not pairs(batch, 4.0, max_images=MAX_IMAGES).overflow.any()


def test_gradient_is_finite_where_two_atoms_coincide() -> None:
    batch = CrystalBatch.from_structures(
        [Structure(Lattice.cubic(4.0), ["Cu", "Cu"], [[0.2, 0.2, 0.2]] * 2)]
    )
    frac, cell = batch.frac.requires_grad_(), batch.cell.requires_grad_()
    found = pairs(batch, 4.5)
    assert found.distance.min() == 0
    for gradient in torch.autograd.grad(smooth_step(found.distance, 2.0).sum(), (frac, cell)):
        assert gradient.isfinite().all()


def test_volume_and_heights() -> None:
    cell = torch.tensor([[8.0, 0.0, 0.0], [7.5, 0.8, 0.0], [3.0, 0.2, 6.0]], dtype=torch.float64)
    reciprocal = torch.linalg.inv(cell).T  # h_i = 1/|row i of the reciprocal cell|
    torch.testing.assert_close(cell_heights(cell), 1 / torch.linalg.vector_norm(reciprocal, dim=-1))
    torch.testing.assert_close(cell_volume(cell), torch.linalg.det(cell))
    torch.testing.assert_close(cell_volume(-cell), torch.linalg.det(cell))
