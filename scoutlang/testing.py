"""Shipped conformance suites: what every plugged-in part must satisfy, ready to call from its own tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import ModuleType

import torch
from torch import Tensor

from scoutlang.crystal import MAX_Z, CrystalBatch
from scoutlang.elements import ATOMIC_NUMBER
from scoutlang.ir import Measure

_ABSENT = "Xe"
_TOLERANCE = 1e-6
_CLOSEST = 1.5  # Å between atoms of the random crystals


def check_descriptor(descriptor: ModuleType, measure: Measure, *, seed: int = 0) -> None:
    """Raise AssertionError, naming the property, unless a descriptor module behaves like one.

    descriptor: a module of `scoutlang.descriptors` with ``soft``, ``exact`` and ``formula``. measure: a use of it, for example
    ``CN(Cu-P)``; its species must not include Xe. seed: of the random triclinic crystals (float64) that are used.

    Checked: gradients against finite differences (coordinates and cell); soft and exact unchanged by translation, by moving single atoms
    by lattice vectors, by rotation, permutation, another choice of lattice vectors (skewed), and supercells; a crystal gives the
    same value alone and in a batch, also next to one with a broken cell; a broken cell and an absent species are undefined, without a
    gradient; soft tends to exact in the sharp limit.
    """
    name = descriptor.SIGNATURE.name
    assert measure.descriptor == name, f"the measure is of {measure.descriptor}, the descriptor is {name}"
    assert descriptor.formula(measure), f"{name}: formula() is empty"
    rng = torch.Generator().manual_seed(seed)
    crystals = [_random_crystal(measure, rng) for _ in range(3)]
    batch = _join(crystals)
    for value in (descriptor.soft(batch, measure), descriptor.exact(batch, measure)):
        assert value.value.shape == value.defined.shape == (3,), f"{name}: value and defined must have shape (B,)"
        assert value.defined.dtype == torch.bool, f"{name}: defined must be bool"
        assert value.defined.all(), f"{name}: undefined on ordinary crystals"

    _check_gradient(descriptor, measure, batch)
    for change, transform in _SAME_CRYSTAL.items():
        changed = _join([transform(c, rng) for c in crystals])
        for kind in ("soft", "exact"):
            _assert_equal(
                f"{name} ({kind}) under {change}", _value(descriptor, kind, batch, measure), _value(descriptor, kind, changed, measure)
            )
    _check_independence(descriptor, measure, crystals)
    if measure.species:
        _check_absence(descriptor, measure, batch)
    sharp = descriptor.soft(batch, measure, sharpness=1e5).value
    _assert_equal(f"{name}: soft in the sharp limit and exact", sharp, _value(descriptor, "exact", batch, measure))


def _check_gradient(descriptor: ModuleType, measure: Measure, batch: CrystalBatch) -> None:
    def soft(frac: Tensor, cell: Tensor) -> Tensor:
        value: Tensor = descriptor.soft(batch.with_geometry(frac, cell), measure).value
        return value

    inputs = batch.frac.clone().requires_grad_(), batch.cell.clone().requires_grad_()
    try:
        torch.autograd.gradcheck(soft, inputs, eps=1e-6, atol=1e-5)
    except RuntimeError as error:
        raise AssertionError(f"{descriptor.SIGNATURE.name}: gradient differs from finite differences: {error}") from error


def _check_independence(descriptor: ModuleType, measure: Measure, crystals: Sequence[CrystalBatch]) -> None:
    """Alone = in a batch, whatever the neighbours; the broken neighbour is undefined and has no gradient."""
    name = descriptor.SIGNATURE.name
    for flaw in (float("nan"), 0.0, 1e-12):
        broken = replace(crystals[0], cell=crystals[0].cell * flaw, frac=crystals[0].frac + (0.0 if flaw else float("nan")))
        batch = _join([broken, *crystals])
        for kind in ("soft", "exact"):
            alone = torch.cat([_value(descriptor, kind, c, measure) for c in crystals])
            _assert_equal(f"{name} ({kind}) alone and beside a broken cell", alone, _value(descriptor, kind, batch, measure)[1:])
        frac, cell = batch.frac.clone().requires_grad_(), batch.cell.clone().requires_grad_()
        value = descriptor.soft(batch.with_geometry(frac, cell), measure)
        if value.value.requires_grad:
            gradients = torch.autograd.grad(value.value.sum(), (frac, cell), allow_unused=True, materialize_grads=True)
            assert all(g.isfinite().all() for g in gradients), f"{name}: a broken cell (× {flaw}) makes gradients that are not finite"
        if measure.species:
            assert not value.defined[0], f"{name}: a broken cell (× {flaw}) counts as defined"


def _check_absence(descriptor: ModuleType, measure: Measure, batch: CrystalBatch) -> None:
    name = descriptor.SIGNATURE.name
    species = torch.zeros_like(batch.species)
    species[:, ATOMIC_NUMBER[_ABSENT]] = 1.0
    frac, cell = batch.frac.clone().requires_grad_(), batch.cell.clone().requires_grad_()
    empty = replace(batch, frac=frac, cell=cell, species=species)
    soft, exact = descriptor.soft(empty, measure), descriptor.exact(empty, measure)
    assert not soft.defined.any(), f"{name}: soft is defined though its species are absent"
    assert not exact.defined.any(), f"{name}: exact is defined though its species are absent"
    assert (soft.value == 0).all(), f"{name}: soft must be 0 where undefined"
    assert exact.value.isnan().all(), f"{name}: exact must be NaN where undefined"
    if soft.value.requires_grad:
        gradients = torch.autograd.grad(soft.value.sum(), (frac, cell), allow_unused=True, materialize_grads=True)
        assert all((g == 0).all() for g in gradients), f"{name}: a gradient where undefined"


def _value(descriptor: ModuleType, kind: str, batch: CrystalBatch, measure: Measure) -> Tensor:
    value: Tensor = getattr(descriptor, kind)(batch, measure).value.detach()
    return value


def _assert_equal(what: str, a: Tensor, b: Tensor) -> None:
    assert torch.allclose(a, b, rtol=_TOLERANCE, atol=_TOLERANCE), f"{what} must be equal: {a.tolist()} and {b.tolist()}"


def _random_crystal(measure: Measure, rng: torch.Generator) -> CrystalBatch:
    """Five to seven atoms of the measure's elements (each at least once), no two closer than 1.5 Å, in a random triclinic cell."""
    elements = sorted({e for s in measure.species for e in s.elements}) or ["Si"]
    count = max(len(elements), int(torch.randint(5, 8, (1,), generator=rng)))
    numbers = torch.tensor([ATOMIC_NUMBER[elements[k % len(elements)]] for k in range(count)])
    species = torch.zeros(count, MAX_Z + 1, dtype=torch.float64)
    species[torch.arange(count), numbers] = 1.0
    system, num_atoms = torch.zeros(count, dtype=torch.int64), torch.tensor([count])
    edge = (14.0 * count) ** (1 / 3)
    while True:
        noise = torch.randn(1, 3, 3, generator=rng, dtype=torch.float64)
        crystal = CrystalBatch(
            frac=torch.rand(count, 3, generator=rng, dtype=torch.float64),
            cell=edge * (torch.eye(3, dtype=torch.float64) + 0.12 * noise),
            species=species,
            system=system,
            num_atoms=num_atoms,
        )
        if _closest(crystal) > _CLOSEST:
            return crystal


def _closest(crystal: CrystalBatch) -> float:
    """Å: shortest of the distances over 125 images. A plain evaluation of its own, so that the suite does not lean on `geometry`."""
    steps = torch.arange(-2.0, 3.0, dtype=crystal.frac.dtype)
    images = torch.cartesian_prod(steps, steps, steps)
    offset = crystal.frac[None, :, None, :] - crystal.frac[:, None, None, :] + images
    distance = torch.linalg.vector_norm(offset @ crystal.cell[0], dim=-1)
    return float(distance[distance > 0].min())


def _join(crystals: Sequence[CrystalBatch]) -> CrystalBatch:
    num_atoms = torch.cat([c.num_atoms for c in crystals])
    return CrystalBatch(
        frac=torch.cat([c.frac for c in crystals]),
        cell=torch.cat([c.cell for c in crystals]),
        species=torch.cat([c.species for c in crystals]),
        system=torch.repeat_interleave(torch.arange(len(num_atoms)), num_atoms),
        num_atoms=num_atoms,
    )


def _translated(crystal: CrystalBatch, rng: torch.Generator) -> CrystalBatch:
    return crystal.with_geometry(crystal.frac + torch.randn(3, generator=rng, dtype=crystal.frac.dtype), crystal.cell)


def _moved_by_lattice_vectors(crystal: CrystalBatch, rng: torch.Generator) -> CrystalBatch:
    return crystal.with_geometry(crystal.frac + torch.randint(-9, 10, crystal.frac.shape, generator=rng), crystal.cell)


def _rotated(crystal: CrystalBatch, rng: torch.Generator) -> CrystalBatch:
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, generator=rng, dtype=crystal.cell.dtype))
    return crystal.with_geometry(crystal.frac, crystal.cell @ rotation)


def _permuted(crystal: CrystalBatch, rng: torch.Generator) -> CrystalBatch:
    order = torch.randperm(len(crystal.frac), generator=rng)
    return replace(crystal, frac=crystal.frac[order], species=crystal.species[order])


def _skewed(crystal: CrystalBatch, rng: torch.Generator) -> CrystalBatch:
    """The same lattice by vectors a, b + 2a, c − a + b: whole numbers, determinant 1."""
    change = torch.tensor([[1.0, 0.0, 0.0], [2.0, 1.0, 0.0], [-1.0, 1.0, 1.0]], dtype=crystal.cell.dtype)
    return crystal.with_geometry(crystal.frac @ torch.linalg.inv(change), change @ crystal.cell)


def _repeated(crystal: CrystalBatch, rng: torch.Generator) -> CrystalBatch:
    repeats = torch.tensor([2.0, 1.0, 3.0], dtype=crystal.cell.dtype)
    corners = torch.cartesian_prod(*(torch.arange(n, dtype=crystal.cell.dtype) for n in repeats.tolist()))
    frac = (crystal.frac[:, None, :] + corners).reshape(-1, 3) / repeats
    return CrystalBatch(
        frac=frac,
        cell=crystal.cell * repeats[:, None],
        species=crystal.species.repeat_interleave(len(corners), dim=0),
        system=torch.zeros(len(frac), dtype=torch.int64),
        num_atoms=crystal.num_atoms * len(corners),
    )


_SAME_CRYSTAL: dict[str, Callable[[CrystalBatch, torch.Generator], CrystalBatch]] = {
    "translation": _translated,
    "moving atoms by lattice vectors": _moved_by_lattice_vectors,
    "rotation": _rotated,
    "permutation": _permuted,
    "a skewed choice of lattice vectors": _skewed,
    "a supercell": _repeated,
}
