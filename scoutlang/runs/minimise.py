"""Relaxation of one structure that keeps what was asked for: minimise E/n + (ρ/2) ℓ² over the
sites and the cell.

E is the energy by an interatomic potential, n the number of atoms, ℓ the loss of the program's
claims (its wishes have no end and are left out). Plain relaxation, ρ = 0, finds a minimum of the
energy nearby, which often lacks the environment that the structure was made for; the penalty lets
the structure give way only where little of it is lost.

The optimiser and the treatment of the cell are ASE's: BFGS on the atoms and the deformation of the
cell. One structure after another: CHGNet takes as long for each of a batch as for one alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.filters import UnitCellFilter
from ase.optimize import BFGS
from ase.stress import full_3x3_to_voigt_6_stress
from numpy.typing import NDArray
from pymatgen.core import Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.evaluation.loss import Loss, compile_loss, loss_and_gradient
from scoutlang.ir import Program, Relax, Wish
from scoutlang.ir.elements import SYMBOLS
from scoutlang.potentials import Potential, unfit
from scoutlang.runs.relaxed import Relaxed

STIFFNESS = 25.0
"""eV/Å^2, the curvature that the optimiser assumes before it knows any. ASE's 70 is that of a
stiff crystal at rest; from sampled geometries 25 goes as far in 24 steps as 70 in 30.
"""

STALLED = 5
"""Steps after which a structure is relaxed if they have not brought `GAIN`."""

GAIN = 1e-3
"""eV/atom."""

FORCE = 0.05
"""eV/Å. Where no atom is pulled by more, and the cell accordingly, the structure is relaxed."""

MOVE = 0.1
"""Å, the most that an atom moves in one step; the cell is strained by as much per atom, at most."""

SWELL = 2.0
"""How many times the volume may grow or shrink. What goes further is falling apart, or into a hole
of the potential.
"""


@dataclass(frozen=True)
class State:
    """A geometry on the way."""

    structure: Structure
    energy: float
    """eV/atom."""
    loss: float
    """ℓ, dimensionless."""
    objective: float
    """E/n + (ρ/2) ℓ², eV/atom."""


class Stopped(Exception):
    """The geometry cannot be evaluated, or has left what is reasonable."""


def claims_loss(program: Program) -> Loss:
    """The loss of the `require` and `prefer` lines that say what should hold."""
    return compile_loss(
        replace(program, terms=tuple(t for t in program.terms if not isinstance(t.claim, Wish)))
    )


@dataclass(frozen=True)
class Objective:
    """E/n + (ρ/2) ℓ² of a crystal."""

    potential: Potential
    loss: Loss
    rho: float
    """eV/atom; 0 relaxes by the energy alone."""

    def __call__(
        self, structure: Structure
    ) -> tuple[State, NDArray[np.float64], NDArray[np.float64]]:
        """→ the state; forces (n, 3) in eV/Å and stress (3, 3) in eV/Å^3 (signs as in
        `potentials.Evaluation`) of n times the objective.

        Raises `Stopped` where the potential or the loss have no value.
        """
        found = self.potential.evaluate([structure])[0]
        if found.reason:
            raise Stopped(found.reason)
        assert found.forces is not None
        assert found.stress is not None
        value, along_frac, along_cell = loss_and_gradient(
            self.loss, CrystalBatch.from_structures([structure])
        )
        loss, cell = float(value.total), structure.lattice.matrix
        # r = frac L, so ∂ℓ/∂r = ∂ℓ/∂frac L^(-T); a strain takes L to L (1 + ε), so ∂ℓ/∂ε = Lᵀ ∂ℓ/∂L
        along_sites = along_frac.numpy() @ np.linalg.inv(cell).T
        along_strain = cell.T @ along_cell[0].numpy()
        if not (
            math.isfinite(loss)
            and np.isfinite(along_sites).all()
            and np.isfinite(along_strain).all()
        ):
            raise Stopped("the loss is not finite")
        pull = len(structure) * self.rho * loss
        state = State(structure, found.energy, loss, found.energy + self.rho / 2 * loss**2)
        stress = found.stress + pull / structure.volume * (along_strain + along_strain.T) / 2
        return state, found.forces - pull * along_sites, stress


def relax_one(structure: Structure, objective: Objective, *, steps: int = Relax.steps) -> Relaxed:
    """Follow the objective downhill from one structure, for at most ``steps`` steps.

    What cannot be treated, such as a structure that is not ordered, comes back unchanged, with the
    reason.
    """
    if flaw := unfit(structure, SYMBOLS):
        return Relaxed(structure, reason=flaw)
    path = _Path(objective, structure)
    atoms = Atoms(
        numbers=structure.atomic_numbers,
        scaled_positions=structure.frac_coords,
        cell=structure.lattice.matrix,
        pbc=True,
        calculator=path,
    )
    optimiser = BFGS(UnitCellFilter(atoms), logfile=None, maxstep=MOVE, alpha=STIFFNESS)
    converged, reason = False, ""
    try:
        for at_rest in optimiser.irun(fmax=FORCE, steps=steps):
            converged = bool(at_rest) or path.stalled
            if converged:
                break
    except Stopped as error:
        reason = str(error)
    first, best = path.first, path.best
    if first is None or best is None:
        return Relaxed(structure, reason=reason)
    return Relaxed(
        best.structure,
        optimiser.nsteps,
        converged,
        reason,
        first.energy,
        best.energy,
        first.loss,
        best.loss,
    )


class _Path(Calculator):  # type: ignore[misc]
    """The objective as a calculator of ASE, which remembers the first state and the best."""

    implemented_properties = ("energy", "forces", "stress")

    def __init__(self, objective: Objective, start: Structure) -> None:
        super().__init__()
        self._objective = objective
        self._start = start
        self.first: State | None = None
        self.best: State | None = None
        self._lowest: list[float] = []
        """Of each step, the lowest objective up to there, eV/atom."""

    @property
    def stalled(self) -> bool:
        """Whether the last steps have gained nothing."""
        lowest = self._lowest
        return len(lowest) > STALLED and lowest[-1 - STALLED] - lowest[-1] < GAIN

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Any = ("energy",),
        system_changes: Any = all_changes,
    ) -> None:
        super().calculate(atoms, properties, system_changes)
        assert atoms is not None
        structure = Structure(
            atoms.cell.array, self._start.species, atoms.get_scaled_positions(wrap=False)
        )
        grown = structure.volume / self._start.volume
        if not 1 / SWELL < grown < SWELL:
            fate = "swells" if grown > 1 else "collapses"
            raise Stopped(f"the cell {fate}: {grown:.2g} times its first volume")
        state, forces, stress = self._objective(structure)
        if self.best is None or state.objective < self.best.objective:
            self.best = state
        self.first = self.first or state
        self._lowest.append(self.best.objective)
        self.results = {
            "energy": state.objective * len(atoms),
            "forces": forces,
            "stress": full_3x3_to_voigt_6_stress(stress),
        }
