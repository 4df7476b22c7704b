"""energy_per_atom: a real potential's energy, and gradients that are its forces and stress."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from pymatgen.core import Lattice, Structure

from scoutlang import potentials, testing
from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import energy_per_atom
from scoutlang.ir import Measure
from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.support.errors import ScoutError

EMT = Measure("energy_per_atom", parameters=(("potential", "emt"),))
CHGNET = Measure("energy_per_atom")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache."""
    monkeypatch.setenv("SCOUT_CACHE", str(tmp_path))


def copper(a: float = 3.6, shake: float = 0.0) -> Structure:
    cell = Structure(
        Lattice.cubic(a), ["Cu"] * 4, [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
    )
    rng = np.random.default_rng(0)
    return Structure(
        cell.lattice.matrix + shake * rng.normal(size=(3, 3)),
        cell.species,
        cell.frac_coords + shake * rng.random((4, 3)),
    )


def test_conformance() -> None:
    """With an analytic potential in float64, on crystals of elements that it knows."""
    testing.check_descriptor(energy_per_atom, EMT, elements=("Au", "Cu"))


def test_the_value_is_the_potentials() -> None:
    """Bulk copper is the zero of EMT at its own lattice constant, 3.59 Å."""
    structures = [copper(3.59), copper(shake=0.1)]
    batch = CrystalBatch.from_structures(structures)
    expected = [e.energy for e in potentials.load("emt").energies(structures)]
    assert energy_per_atom.exact(batch, EMT).value.tolist() == expected
    assert energy_per_atom.soft(batch, EMT).value.tolist() == expected
    assert expected[0] == pytest.approx(0.0, abs=0.01)
    assert expected[1] > 0.05


def test_descent_finds_the_lattice_constant() -> None:
    """Following the gradient of a copper cell that is 5 % too wide and sheared leads to the minimum
    of EMT, cubic, a = 3.59 Å.
    """
    batch = CrystalBatch.from_structures([copper(3.78, shake=0.05)])
    frac, cell = batch.frac, batch.cell
    for _ in range(150):
        frac, cell = frac.detach().requires_grad_(), cell.detach().requires_grad_()
        value = energy_per_atom.soft(batch.with_geometry(frac, cell), EMT).value
        along_frac, along_cell = torch.autograd.grad(value.sum(), (frac, cell))
        frac, cell = frac - 0.02 * along_frac, cell - 0.3 * along_cell
    assert float(value.detach()) == pytest.approx(0.0, abs=0.01)
    assert Lattice(cell[0].detach().numpy()).parameters == pytest.approx(
        (3.59, 3.59, 3.59, 90, 90, 90), rel=0.01
    )


def test_what_cannot_be_treated_is_undefined_and_harms_no_neighbour() -> None:
    structures = [
        copper(shake=0.1),
        Structure(Lattice.cubic(4), ["Na"], [(0, 0, 0)]),
        copper(0.9),
        copper(),
        copper(),
        copper(shake=0.1),
    ]
    batch = CrystalBatch.from_structures(structures)
    species, cell = batch.species.clone(), batch.cell.clone()
    first = int(batch.num_atoms[:3].sum())
    species[first, [ATOMIC_NUMBER["Cu"], ATOMIC_NUMBER["Au"]]] = 0.5
    cell[4, 1] = torch.nan
    frac, cell = batch.frac.requires_grad_(), cell.requires_grad_()
    batch = replace(batch, frac=frac, cell=cell, species=species)
    soft, exact = energy_per_atom.soft(batch, EMT), energy_per_atom.exact(batch, EMT)
    assert (
        soft.defined.tolist() == exact.defined.tolist() == [True, False, False, False, False, True]
    )
    assert soft.value[~soft.defined].tolist() == [0.0] * 4
    assert exact.value.isnan().tolist() == (~exact.defined).tolist()
    along_frac, along_cell = torch.autograd.grad(soft.value.sum(), (frac, cell))
    assert along_frac.isfinite().all()
    assert along_cell.isfinite().all()
    assert (along_cell[[1, 2, 3, 4]] == 0).all()
    assert torch.allclose(along_cell[0], along_cell[5])
    assert along_cell[0].abs().max() > 1e-3


def test_nothing_decided_is_no_error() -> None:
    batch = CrystalBatch.from_structures([copper()])
    batch.species[:] /= 2
    frac = batch.frac.requires_grad_()
    value = energy_per_atom.soft(replace(batch, frac=frac), EMT)
    assert not value.defined.any()
    (gradient,) = torch.autograd.grad(value.value.sum(), frac)
    assert (gradient == 0).all()


def test_float32_is_enough_to_guide() -> None:
    exact = CrystalBatch.from_structures([copper(shake=0.1)])
    single = CrystalBatch.from_structures([copper(shake=0.1)], dtype=torch.float32)
    gradients = []
    for batch in (exact, single):
        frac = batch.frac.requires_grad_()
        value = energy_per_atom.soft(replace(batch, frac=frac), EMT).value
        assert value.dtype == batch.cell.dtype
        gradients.append(torch.autograd.grad(value.sum(), frac)[0].double())
    assert torch.allclose(*gradients, atol=1e-4)


@pytest.mark.skipif(find_spec("tensorpotential") is not None, reason="tensorpotential is installed")
def test_a_missing_package_is_an_error_not_an_undefined_value() -> None:
    with pytest.raises(ScoutError, match="tensorpotential"):
        energy_per_atom.exact(
            CrystalBatch.from_structures([copper()]),
            Measure("energy_per_atom", parameters=(("potential", "grace"),)),
        )


@pytest.mark.slow
def test_chgnet_guides_by_its_own_derivatives() -> None:
    """Central differences of the energy in float32 are good to 1e-3 eV; a skewed cell of rock salt,
    out of place.
    """
    salt = Structure(
        Lattice([(0, 2.7, 2.7), (2.7, 0, 2.7), (2.7, 2.7, 0)]),
        ["Na", "Cl"],
        [(0.02, 0, 0), (0.5, 0.53, 0.48)],
    )
    salt.make_supercell([[1, 0, 0], [1, 1, 0], [0, 0, 1]])
    batch = CrystalBatch.from_structures([salt])
    frac, cell = batch.frac.clone().requires_grad_(), batch.cell.clone().requires_grad_()
    value = energy_per_atom.soft(batch.with_geometry(frac, cell), CHGNET).value
    along_frac, along_cell = torch.autograd.grad(value.sum(), (frac, cell))
    rng = torch.Generator().manual_seed(0)
    step = 2e-3
    for _ in range(4):
        d_frac = torch.randn(frac.shape, generator=rng, dtype=frac.dtype)
        d_cell = torch.randn(cell.shape, generator=rng, dtype=cell.dtype)
        ahead, back = (
            float(
                energy_per_atom.exact(
                    batch.with_geometry(batch.frac + s * d_frac, batch.cell + s * d_cell), CHGNET
                ).value
            )
            for s in (step, -step)
        )
        expected = float((along_frac * d_frac).sum() + (along_cell * d_cell).sum())
        assert (ahead - back) / (2 * step) == pytest.approx(expected, abs=5e-3)
        assert abs(expected) > 0.05
