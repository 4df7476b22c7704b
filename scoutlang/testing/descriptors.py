"""The suite that every descriptor satisfies, and the one for descriptors of other packages."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from types import ModuleType
from typing import Literal

import torch
from pymatgen.core import Structure
from torch import Tensor

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.crystals.neighbours import SHARPNESS, DescriptorValue, SiteValues
from scoutlang.descriptors import broken, modules, origin
from scoutlang.evaluation.expressions import Reading, quantity
from scoutlang.ir import Aggregate, Measure, Quantity
from scoutlang.ir.elements import ATOMIC_NUMBER

_ABSENT = "Xe"
_TOLERANCE = 1e-6
_CLOSEST = 1.5  # Å between atoms of the random crystals
_CRYSTALS = 3
_TRIES = 60  # crystals drawn in search of those where the measure is defined

Kind = Literal["soft", "exact"]


def check_descriptor(
    descriptor: ModuleType,
    measure: Measure,
    *,
    seed: int = 0,
    elements: Sequence[str] = ("Cu", "Si"),
) -> None:
    """Raise AssertionError, naming the property, unless a descriptor module behaves like one.

    descriptor: a module of `scoutlang.descriptors`, or of a plug-in, with ``exact``, ``formula``
    and, if it can guide, ``soft``. measure: a use of it, for example ``CN(Cu-P)``; its species must
    not include Xe. seed: of the random triclinic crystals (float64) that are used. elements: of
    those crystals, where the measure has no species.

    Values of sites and items are read as a program reads them: by the descriptor's own aggregate,
    and the exact ones by minimum and maximum too. Checked: gradients against finite differences
    (coordinates, cell, species probabilities; along random directions); soft and exact unchanged by
    translation, by moving single atoms by lattice vectors, by rotation, permutation, another choice
    of lattice vectors (skewed), and supercells (unless the descriptor is extensive: then the
    supercell must differ); a crystal gives the same value alone and in a batch, also next to one
    with a broken cell; a broken cell and an absent species are undefined, without a gradient; soft
    tends to exact in the sharp limit.

    A broken cell and an absent species may have a value where the descriptor reads no geometry: the
    count of an absent element is 0.
    """
    use = _Use(descriptor, measure, tuple(elements))
    name = use.name
    assert measure.descriptor == name, (
        f"the measure is of {measure.descriptor}, the descriptor is {name}"
    )
    assert hasattr(descriptor, "soft") == descriptor.SIGNATURE.differentiable, (
        f"{name}: it has soft if and only if it is differentiable"
    )
    assert descriptor.formula(measure), f"{name}: formula() is empty"
    rng = torch.Generator().manual_seed(seed)
    crystals = list(islice(_where_defined(use, rng), _CRYSTALS))
    assert len(crystals) == _CRYSTALS, f"{name}: undefined on ordinary crystals"
    batch = _join(crystals)
    _check_form(use, batch)
    _check_same_crystal(use, crystals, rng)
    _check_broken_cells(use, crystals)
    if measure.species and _reads_geometry(use, batch, rng):
        _check_absence(use, batch)
    if "soft" in use.kinds:
        _check_gradient(use, batch)
        sharp = use.values("soft", batch, sharpness=1e5)
        _assert_equal(
            f"{name}: soft in the sharp limit and exact", sharp, use.values("exact", batch)[:, :1]
        )


def check_entry_point(name: str) -> None:
    """Raise AssertionError unless an installed plug-in gives a descriptor of this name that
    programs can use, without waiting for torch.
    """
    problem = broken().get(name)
    assert problem is None, str(problem)
    assert name in modules(), (
        f"no installed distribution has an entry point `{name}` in the group scoutlang.descriptors"
    )
    assert origin(name), f"`{name}` is a descriptor of the language"
    code = (
        f"import sys; from scoutlang.descriptors import modules; modules()[{name!r}]; "
        "sys.exit('torch' in sys.modules)"
    )
    alone = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert alone.returncode == 0, (
        f"{name}: its module imports torch; import it in the functions that need it, "
        "so that `scout check` is fast"
    )


@dataclass(frozen=True)
class _Use:
    """A measure of a descriptor, read through `expressions` as a program reads it."""

    descriptor: ModuleType
    measure: Measure
    elements: tuple[str, ...]  # of the crystals, where the measure has no species

    @property
    def name(self) -> str:
        return str(self.descriptor.SIGNATURE.name)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return ("soft", "exact") if hasattr(self.descriptor, "soft") else ("exact",)

    def raw(self, kind: Kind, batch: CrystalBatch) -> DescriptorValue | SiteValues:
        found: DescriptorValue | SiteValues = getattr(self.descriptor, kind)(batch, self.measure)
        return found

    def values(self, kind: Kind, batch: CrystalBatch, *, sharpness: float = SHARPNESS) -> Tensor:
        """(B, 1), and (B, 3) for exact values of sites: the own aggregate, minimum, maximum. NaN
        where undefined.
        """
        reading = Reading(batch, kind, sharpness, catalogue={self.name: self.descriptor})
        found = [quantity(expression, reading) for expression in self._expressions(kind)]
        return torch.stack(
            [torch.where(f.defined, f.value, torch.full_like(f.value, torch.nan)) for f in found],
            dim=-1,
        )

    def _expressions(self, kind: Kind) -> list[Quantity]:
        signature = self.descriptor.SIGNATURE
        if signature.domain == "crystal":
            return [self.measure]
        own = Aggregate(signature.aggregate, self.measure)
        return (
            [own]
            if kind == "soft"
            else [own, Aggregate("min", self.measure), Aggregate("max", self.measure)]
        )


def _check_form(use: _Use, batch: CrystalBatch) -> None:
    """Types and shapes of what the descriptor returns."""
    domain = use.descriptor.SIGNATURE.domain
    for kind in use.kinds:
        found, what = use.raw(kind, batch), f"{use.name} ({kind})"
        assert found.defined.shape == (batch.size,), f"{what}: defined must have shape (B,)"
        assert found.defined.dtype == torch.bool, f"{what}: defined must be bool"
        if domain == "crystal":
            assert isinstance(found, DescriptorValue), (
                f"{what}: one value per crystal is a DescriptorValue"
            )
            assert found.value.shape == (batch.size,), f"{what}: value must have shape (B,)"
            continue
        assert isinstance(found, SiteValues), f"{what}: values of {domain}s are SiteValues"
        assert found.value.shape == found.weight.shape == found.system.shape, (
            f"{what}: value, weight and system must have one shape (M,)"
        )
        assert found.value.isfinite().all(), f"{what}: values of {domain}s must be finite"
        assert ((found.weight >= 0) & (found.weight <= 1 + _TOLERANCE)).all(), (
            f"{what}: weights must be from 0 to 1"
        )
        if domain == "site":
            assert torch.equal(found.system, batch.system), (
                f"{what}: the sites must be all atoms of the batch, in order"
            )


def _check_same_crystal(use: _Use, crystals: Sequence[CrystalBatch], rng: torch.Generator) -> None:
    batch = _join(crystals)
    for change, transform in _SAME_CRYSTAL.items():
        changed = _join([transform(c, rng) for c in crystals])
        for kind in use.kinds:
            _assert_equal(
                f"{use.name} ({kind}) under {change}",
                use.values(kind, batch),
                use.values(kind, changed),
            )
    supercells = _join([_repeated(c) for c in crystals])
    for kind in use.kinds:
        one, many = use.values(kind, batch), use.values(kind, supercells)
        if use.descriptor.SIGNATURE.extensive:
            assert not _equal(one, many), (
                f"{use.name} ({kind}): extensive, and yet a supercell has the same value"
            )
        else:
            _assert_equal(f"{use.name} ({kind}) under a supercell", one, many)


def _check_gradient(use: _Use, batch: CrystalBatch) -> None:
    """Against finite differences, where species are undecided: each atom is 0.8 itself and shares
    the rest among the others.
    """
    columns = sorted(set(batch.species.nonzero()[:, 1].tolist()))

    def soft(frac: Tensor, cell: Tensor, probability: Tensor) -> Tensor:
        species = torch.zeros_like(batch.species).index_copy(1, torch.tensor(columns), probability)
        return use.values("soft", replace(batch, frac=frac, cell=cell, species=species))

    undecided = 0.7 * batch.species[:, columns] + 0.1
    undecided = undecided / undecided.sum(dim=-1, keepdim=True).clamp(min=1)
    inputs = tuple(t.clone().requires_grad_() for t in (batch.frac, batch.cell, undecided))
    assert not soft(*inputs).isnan().any(), f"{use.name}: undefined where species are undecided"
    try:
        # along random directions: all inputs at once
        torch.autograd.gradcheck(soft, inputs, eps=1e-6, atol=1e-6, fast_mode=True)
    except RuntimeError as error:
        raise AssertionError(
            f"{use.name}: gradient differs from finite differences: {error}"
        ) from error


def _check_broken_cells(use: _Use, crystals: Sequence[CrystalBatch]) -> None:
    """Alone = in a batch, whatever the neighbours; the broken neighbour is undefined and has no
    gradient.
    """
    name = use.name
    reads_geometry = _reads_geometry(use, _join(crystals), torch.Generator().manual_seed(0))
    for flaw in (float("nan"), 0.0, 1e-12):
        broken = replace(
            crystals[0],
            cell=crystals[0].cell * flaw,
            frac=crystals[0].frac + (0.0 if flaw else float("nan")),
        )
        batch = _join([broken, *crystals])
        for kind in use.kinds:
            values = use.values(kind, batch)
            alone = torch.cat([use.values(kind, c) for c in crystals])
            _assert_equal(f"{name} ({kind}) alone and beside a broken cell", alone, values[1:])
            if reads_geometry:
                assert values[0].isnan().all(), (
                    f"{name} ({kind}): a broken cell (× {flaw}) counts as defined"
                )
            found = use.raw(kind, batch)
            if isinstance(found, SiteValues):
                assert found.value.isfinite().all(), (
                    f"{name} ({kind}): values beside a broken cell (× {flaw}) must be finite"
                )
        if "soft" in use.kinds:
            gradients = _gradients(use, batch)
            assert all(g.isfinite().all() for g in gradients), (
                f"{name}: a broken cell (× {flaw}) makes gradients that are not finite"
            )


def _check_absence(use: _Use, batch: CrystalBatch) -> None:
    species = torch.zeros_like(batch.species)
    species[:, ATOMIC_NUMBER[_ABSENT]] = 1.0
    empty = replace(batch, species=species)
    for kind in use.kinds:
        assert use.values(kind, empty).isnan().all(), (
            f"{use.name}: {kind} is defined though its species are absent"
        )
        found = use.raw(kind, empty)
        if isinstance(found, DescriptorValue):
            right = (found.value == 0) if kind == "soft" else found.value.isnan()
            assert right.all(), (
                f"{use.name}: {kind} must be {'0' if kind == 'soft' else 'NaN'} where undefined"
            )
    if "soft" in use.kinds:
        assert all((g == 0).all() for g in _gradients(use, empty)), (
            f"{use.name}: a gradient where undefined"
        )


def _gradients(use: _Use, batch: CrystalBatch) -> tuple[Tensor, ...]:
    """Of the sum of the defined soft values, for coordinates and cell."""
    frac, cell = batch.frac.clone().requires_grad_(), batch.cell.clone().requires_grad_()
    value = use.values("soft", batch.with_geometry(frac, cell)).nan_to_num()
    if not value.requires_grad:
        return ()
    return torch.autograd.grad(value.sum(), (frac, cell), allow_unused=True, materialize_grads=True)


def _reads_geometry(use: _Use, batch: CrystalBatch, rng: torch.Generator) -> bool:
    """Whether other positions in other cells have other values: false for a composition."""
    cell = batch.cell * (
        1.05 + 0.1 * torch.rand(batch.cell.shape, generator=rng, dtype=batch.cell.dtype)
    )
    frac = torch.rand(batch.frac.shape, generator=rng, dtype=batch.frac.dtype)
    return not _equal(
        use.values("exact", batch), use.values("exact", batch.with_geometry(frac, cell))
    )


def _equal(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True)


def _assert_equal(what: str, a: Tensor, b: Tensor) -> None:
    assert _equal(a, b), f"{what} must be equal: {a.tolist()} and {b.tolist()}"


def _where_defined(use: _Use, rng: torch.Generator) -> Iterator[CrystalBatch]:
    """Random crystals where the measure has a value; an angle, say, needs an atom with two
    neighbours.
    """
    for _ in range(_TRIES):
        crystal = _random_crystal(use, rng)
        if all(not use.values(kind, crystal).isnan().any() for kind in use.kinds):
            yield crystal


def _random_crystal(use: _Use, rng: torch.Generator) -> CrystalBatch:
    """Five to seven atoms of the measure's elements (each at least once), no two closer than 1.5 Å,
    in a random triclinic cell.
    """
    elements = sorted({e for s in use.measure.species for e in s.elements}) or list(use.elements)
    count = max(len(elements), int(torch.randint(5, 8, (1,), generator=rng)))
    symbols = [elements[k % len(elements)] for k in range(count)]
    edge = (14.0 * count) ** (1 / 3)
    while True:
        noise = torch.randn(1, 3, 3, generator=rng, dtype=torch.float64)[0]
        frac = torch.rand(count, 3, generator=rng, dtype=torch.float64)
        cell = edge * (torch.eye(3, dtype=torch.float64) + 0.12 * noise)
        crystal = CrystalBatch.from_structures([Structure(cell.numpy(), symbols, frac.numpy())])
        if _closest(crystal) > _CLOSEST:
            return crystal


def _closest(crystal: CrystalBatch) -> float:
    """Å: shortest of the distances over 125 images. A plain evaluation of its own, so that the
    suite does not lean on `geometry`.
    """
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
    return crystal.with_geometry(
        crystal.frac + torch.randn(3, generator=rng, dtype=crystal.frac.dtype), crystal.cell
    )


def _moved_by_lattice_vectors(crystal: CrystalBatch, rng: torch.Generator) -> CrystalBatch:
    return crystal.with_geometry(
        crystal.frac + torch.randint(-9, 10, crystal.frac.shape, generator=rng), crystal.cell
    )


def _rotated(crystal: CrystalBatch, rng: torch.Generator) -> CrystalBatch:
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, generator=rng, dtype=crystal.cell.dtype))
    return crystal.with_geometry(crystal.frac, crystal.cell @ rotation)


def _permuted(crystal: CrystalBatch, rng: torch.Generator) -> CrystalBatch:
    order = torch.randperm(len(crystal.frac), generator=rng)
    return replace(crystal, frac=crystal.frac[order], species=crystal.species[order])


def _skewed(crystal: CrystalBatch, rng: torch.Generator) -> CrystalBatch:
    """The same lattice by vectors a, b + 2a, c − a + b: whole numbers, determinant 1."""
    change = torch.tensor(
        [[1.0, 0.0, 0.0], [2.0, 1.0, 0.0], [-1.0, 1.0, 1.0]], dtype=crystal.cell.dtype
    )
    return crystal.with_geometry(crystal.frac @ torch.linalg.inv(change), change @ crystal.cell)


def _repeated(crystal: CrystalBatch) -> CrystalBatch:
    """A 2 × 1 × 3 supercell."""
    repeats = torch.tensor([2.0, 1.0, 3.0], dtype=crystal.cell.dtype)
    corners = torch.cartesian_prod(
        *(torch.arange(n, dtype=crystal.cell.dtype) for n in repeats.tolist())
    )
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
}
