"""What every potential must satisfy, whatever it computes; `scoutlang.testing` offers it to other
packages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isfinite, isnan
from typing import TYPE_CHECKING

from scoutlang.potentials import Evaluation, Potential

if TYPE_CHECKING:
    import numpy as np
    from pymatgen.core import Structure

_DIRECTIONS = 3
_RATTLE = 0.05  # Å, so that no force or stress of a crystal is zero by its symmetry
_STRAIN = 0.02


def check_potential(
    potential: Potential,
    structures: Sequence[Structure],
    *,
    tolerance: float = 1e-6,
    unknown: str | None = "Og",
    seed: int = 0,
) -> None:
    """Raise AssertionError, naming the property, unless a potential behaves like one.

    structures: at least two crystals that differ and that it can treat, of 2 atoms or more, without
    atoms that touch; they are rattled first. tolerance: in eV/atom, by which energies that are the
    same may differ by rounding: 1e-6 for float64, 2e-5 for a network in float32. The step of the
    finite differences, 0.2 tolerance^(1/3) Å (and strain), and how well they must agree follow from
    it. unknown: an element that it does not know; None if it knows all. seed: of the random
    numbers.

    Checked: name, version and hash; energies are finite, in order, the same twice, one by one and
    in batches, and told to ``report``; they do not change with translation, rotation, a mirror,
    permutation, other lattice vectors and supercells; forces and stress are the slopes of the
    energy, and the forces of a crystal add up to zero. An unknown element, mixed sites, atoms too
    dense, numbers that are not finite and a cell without atoms are data: a NaN with a reason,
    beside which other crystals keep their energies.
    """
    import numpy as np

    assert len(structures) >= 2, "give at least two structures"
    assert potential.name, "a potential has a name"
    assert potential.version, "a potential has a version"
    assert re.fullmatch("[0-9a-f]{64}", potential.weights_sha256), (
        "weights_sha256 is 64 hexadecimal digits"
    )
    rng = np.random.default_rng(seed)
    crystals = [_rattled(s, rng) for s in structures]
    energies = _check_lists(potential, crystals, tolerance)
    assert max(energies) - min(energies) > tolerance, "different crystals have one energy"
    for crystal, energy in zip(crystals, energies, strict=True):
        same = _same(crystal, rng)
        for what, found in zip(same, _values(potential, list(same.values())), strict=True):
            assert abs(found - energy) <= tolerance, (
                f"energy under {what} must not change: {energy} and {found} eV/atom"
            )
        _check_slopes(potential, crystal, tolerance, rng)
    _check_bad(potential, crystals[0], energies[0], tolerance, unknown)


def _check_lists(
    potential: Potential, crystals: Sequence[Structure], tolerance: float
) -> list[float]:
    told: list[tuple[int, int]] = []
    found = potential.energies(crystals, report=lambda done, total: told.append((done, total)))
    reasons = [e.reason for e in found if e.reason]
    assert not reasons, f"an ordinary crystal has no energy: {reasons[0]}"
    energies = [e.energy for e in found]
    assert len(found) == len(crystals), "one evaluation per structure"
    assert all(map(isfinite, energies)), "an energy without a reason is finite"
    assert told[-1:] == [(len(crystals),) * 2], "the last report is (all, all)"
    assert potential.energies([]) == [], "no structures have no energies"
    others = {
        "asked for again": _values(potential, crystals),
        "in batches of one": _values(potential, crystals, batch_size=1),
        "in reverse order": _values(potential, crystals[::-1])[::-1],
        "with forces": [e.energy for e in potential.evaluate(crystals)],
        "with forces in batches of one": [
            e.energy for e in potential.evaluate(crystals, batch_size=1)
        ],
    }
    for what, again in others.items():
        assert _close(energies, again, tolerance), (
            f"energies {what} must be the same: {energies} and {again} eV/atom"
        )
    twice = _values(potential, [crystals[0], crystals[0]])
    assert abs(twice[0] - twice[1]) <= tolerance, f"one structure has two energies: {twice} eV/atom"
    return energies


def _check_slopes(
    potential: Potential, crystal: Structure, tolerance: float, rng: np.random.Generator
) -> None:
    """Along random directions of one Å per atom, and random strains of one: a step s leaves an
    error of n·tolerance/s by rounding.
    """
    import numpy as np
    from pymatgen.core import Structure

    n, step = len(crystal), 0.2 * tolerance ** (1 / 3)
    allowed = 3 * n * tolerance / step
    (here,) = potential.evaluate([crystal])
    assert here.forces is not None, "evaluate() gives forces"
    assert here.stress is not None, "evaluate() gives a stress"
    assert here.forces.shape == (n, 3), "forces have shape (n, 3)"
    assert here.stress.shape == (3, 3), "the stress has shape (3, 3)"
    assert np.abs(here.forces.sum(0)).max() <= allowed, (
        f"forces must add up to zero: {here.forces.sum(0)} eV/Å"
    )
    cell, points, species = crystal.lattice.matrix, crystal.cart_coords, crystal.species
    for _ in range(_DIRECTIONS):
        shift, strain = rng.normal(size=(n, 3)) / 3**0.5, rng.normal(size=(3, 3)) / 3
        moved = [
            Structure(cell, species, points + s * shift, coords_are_cartesian=True)
            for s in (step, -step)
        ]
        strained = [
            Structure(cell @ (np.eye(3) + s * strain), species, crystal.frac_coords)
            for s in (step, -step)
        ]
        ahead, back, wider, narrower = (n * e for e in _values(potential, [*moved, *strained]))
        slopes = {
            "forces": ((ahead - back) / (2 * step), -float((here.forces * shift).sum())),
            "stress": (
                (wider - narrower) / (2 * step),
                crystal.volume * float((here.stress * strain).sum()),
            ),
        }
        for what, (measured, said) in slopes.items():
            assert abs(measured - said) <= allowed, (
                f"{what} must be the slopes of the energy: {said}, "
                f"finite differences give {measured}"
            )


def _check_bad(
    potential: Potential, good: Structure, energy: float, tolerance: float, unknown: str | None
) -> None:
    import numpy as np
    from pymatgen.core import Structure

    cell, species, frac = good.lattice.matrix, good.species, good.frac_coords
    nowhere = frac.copy()
    nowhere[0, 1] = np.nan
    bad = {
        "mixed sites": Structure(cell, [{species[0]: 0.5, species[-1]: 0.25}, *species[1:]], frac),
        "atoms too dense": Structure(cell * 0.3, species, frac),
        "coordinates that are not finite": Structure(cell, species, nowhere),
        "a cell without atoms": Structure(cell, [], []),
    }
    if unknown is not None:
        bad["an unknown element"] = Structure(cell, [unknown, *species[1:]], frac)
    for ask in (potential.energies, potential.evaluate):
        for what, structure in bad.items():
            evaluations: list[Evaluation] = ask([structure, good])
            assert len(evaluations) == 2, f"{what}: one evaluation per structure"
            assert isnan(evaluations[0].energy), (
                f"{what}: the energy must be NaN, not {evaluations[0].energy}"
            )
            assert evaluations[0].reason, f"{what}: a NaN has a reason"
            assert "\n" not in evaluations[0].reason, f"{what}: the reason is one line"
            assert abs(evaluations[1].energy - energy) <= tolerance, (
                f"{what}: the next crystal must keep its energy"
            )


def _rattled(structure: Structure, rng: np.random.Generator) -> Structure:
    import numpy as np
    from pymatgen.core import Structure

    cell = structure.lattice.matrix @ (np.eye(3) + _STRAIN * rng.uniform(-1, 1, (3, 3)))
    moved = structure.frac_coords @ cell + _RATTLE * rng.uniform(-1, 1, (len(structure), 3))
    return Structure(cell, structure.species, moved, coords_are_cartesian=True)


def _same(crystal: Structure, rng: np.random.Generator) -> dict[str, Structure]:
    """The same crystal in other words."""
    import numpy as np
    from pymatgen.core import Structure

    cell, species, frac = crystal.lattice.matrix, crystal.species, crystal.frac_coords
    order = rng.permutation(len(crystal))
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    rotation *= np.sign(np.linalg.det(rotation))
    skew = np.array([[1, 0, 0], [1, 1, 0], [0, -1, 1]])  # whole numbers, determinant 1
    return {
        "translation": Structure(cell, species, frac + rng.uniform(size=3)),
        "moving atoms by lattice vectors": Structure(
            cell, species, frac + rng.integers(-2, 3, frac.shape)
        ),
        "rotation": Structure(cell @ rotation, species, frac),
        "a mirror": Structure(cell * [1, 1, -1], species, frac),
        "permutation": Structure(cell, [species[i] for i in order], frac[order]),
        "other lattice vectors": Structure(skew @ cell, species, frac @ np.linalg.inv(skew)),
        "a left-handed choice of them": Structure(
            cell * [[1], [1], [-1]], species, frac * [1, 1, -1]
        ),
        "a supercell": crystal * (2, 1, 1),
    }


def _values(
    potential: Potential, structures: Sequence[Structure], batch_size: int = 16
) -> list[float]:
    return [e.energy for e in potential.energies(structures, batch_size=batch_size)]


def _close(a: Sequence[float], b: Sequence[float], tolerance: float) -> bool:
    return len(a) == len(b) and all(abs(x - y) <= tolerance for x, y in zip(a, b, strict=True))
