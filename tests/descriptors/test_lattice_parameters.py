"""a, b, c, alpha, beta, gamma: the cell that everybody agrees on, whatever vectors the lattice is
given by.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prototypes import measure, read
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.batch import CrystalBatch

Known = Mapping[str, list[Structure]]
NAMES = ("a", "b", "c", "alpha", "beta", "gamma")


def parameters(batch: CrystalBatch, kind: str = "exact") -> torch.Tensor:
    """(B, 6)."""
    return torch.stack([read(batch, measure(name), kind).value for name in NAMES], dim=-1)


def lattice(matrix: np.ndarray) -> CrystalBatch:
    return CrystalBatch.from_structures([Structure(Lattice(matrix), ["Cu"], [[0, 0, 0]])])


def test_textbook_cells(known_crystals: Known) -> None:
    primitive = CrystalBatch.from_structures(
        [known_crystals[n][1] for n in ("polonium", "copper", "tungsten", "magnesium", "rutile")]
    )
    fcc, bcc = 3.6149 / 2**0.5, 3.155 * 3**0.5 / 2
    expected = [
        [3.34, 3.34, 3.34, 90, 90, 90],
        [fcc, fcc, fcc, 60, 60, 60],
        [bcc, bcc, bcc, 109.471221, 109.471221, 109.471221],
        [3.2093, 3.2093, 5.2106, 90, 90, 120],
        [2.9574, 4.5922, 4.5922, 90, 90, 90],
    ]
    np.testing.assert_allclose(parameters(primitive), expected, atol=1e-5)


def test_the_choice_of_lattice_vectors_does_not_matter_and_a_supercell_does(
    known_crystals: Known,
) -> None:
    _, primitive, skewed, supercell = parameters(
        CrystalBatch.from_structures(known_crystals["baddeleyite"])
    ).unbind()
    torch.testing.assert_close(primitive, skewed)
    assert not torch.allclose(primitive[:3], supercell[:3])


@settings(max_examples=25, deadline=None)
@given(
    edges=st.lists(st.floats(2.0, 12.0), min_size=3, max_size=3),
    angles=st.lists(st.floats(55.0, 115.0), min_size=3, max_size=3),
    steps=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 2), st.integers(-2, 2)), max_size=5),
)
def test_any_vectors_of_a_lattice_agree_with_pymatgen(
    edges: list[float], angles: list[float], steps: list[tuple[int, int, int]]
) -> None:
    cosines = np.cos(np.radians(angles))
    if 1 + 2 * cosines.prod() - (cosines**2).sum() < 0.1:  # no or a flat cell
        return
    matrix = Lattice.from_parameters(*edges, *angles).matrix
    change = np.eye(3)
    for row, step, times in steps:
        change[row] += times * change[(row + step) % 3]
    ours = parameters(lattice(change @ matrix))[0]
    # its tolerance is about 1e-5
    np.testing.assert_allclose(
        ours[:3], Lattice(matrix).get_niggli_reduced_lattice().abc, rtol=1e-4
    )
    assert (ours[:3].diff() >= -1e-6).all()
    assert ((ours[3:] > 59.99) & (ours[3:] < 120.01)).all()
    assert (ours[3:] < 90.0001).all() or (ours[3:] > 89.9999).all()


@pytest.mark.parametrize("name", NAMES)
def test_derivative_with_strain_by_hand(name: str) -> None:
    """An orthorhombic cell: each edge grows with its own strain; an angle closes by one radian per
    unit of symmetric shear.
    """
    batch = lattice(np.diag([4.0, 5.0, 6.0]))
    strain = torch.zeros(3, 3, dtype=torch.float64, requires_grad=True)
    strained = batch.with_geometry(
        batch.frac, batch.cell @ (torch.eye(3, dtype=torch.float64) + strain)
    )
    (gradient,) = torch.autograd.grad(read(strained, measure(name), "soft").value.sum(), strain)
    expected = torch.zeros(3, 3, dtype=torch.float64)
    k = NAMES.index(name)
    if k < 3:
        expected[k, k] = [4.0, 5.0, 6.0][k]
    else:
        i, j = (m for m in range(3) if m != k - 3)
        expected[i, j] = expected[j, i] = -180 / torch.pi
    torch.testing.assert_close(gradient.abs(), expected.abs())


@pytest.mark.parametrize("flaw", [float("nan"), float("inf"), 0.0, 1e-12])
def test_a_broken_cell_is_undefined_and_spoils_nothing(known_crystals: Known, flaw: float) -> None:
    structure = known_crystals["quartz"][0]
    alone = parameters(CrystalBatch.from_structures([structure]))[0]
    batch = CrystalBatch.from_structures([structure, structure])
    batch.cell[1] *= flaw
    cell = batch.cell.requires_grad_()
    for name, value in zip(NAMES, alone, strict=True):
        found = read(batch, measure(name), "soft")
        assert found.defined.tolist() == [True, False]
        torch.testing.assert_close(found.value[0], value)
        (gradient,) = torch.autograd.grad(found.value.sum(), cell)
        assert gradient.isfinite().all()
