"""Any ASE calculator with energy, forces and stress as a `Potential`: ``validate(...,
potential=CalculatorPotential(...))``.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Container, Iterator, Sequence
from functools import cached_property
from math import isfinite, nan
from typing import TYPE_CHECKING

from scoutlang.ir.elements import SYMBOLS
from scoutlang.potentials._potential import Evaluation, Report, unfit
from scoutlang.support.errors import ScoutError, first_line

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator
    from pymatgen.core import Structure


class CalculatorPotential:
    """One structure at a time through a calculator, which ``make`` builds at the first use.

    name, version, weights_sha256: as in `Potential`. elements: those it knows; others are refused
    before it is asked.
    """

    def __init__(
        self,
        name: str,
        version: str,
        weights_sha256: str,
        make: Callable[[], Calculator],
        elements: Container[str] = SYMBOLS,
    ) -> None:
        self.name = name
        self.version = version
        self.weights_sha256 = weights_sha256
        self._make = make
        self._elements = elements

    def energies(
        self, structures: Sequence[Structure], *, batch_size: int = 16, report: Report | None = None
    ) -> list[Evaluation]:
        found = []
        for done, structure in enumerate(structures, start=1):
            found.append(self._ask(structure, _energy))
            if report:
                report(done, len(structures))
        return found

    def evaluate(
        self, structures: Sequence[Structure], *, batch_size: int = 16
    ) -> list[Evaluation]:
        return [self._ask(structure, _with_slopes) for structure in structures]

    def _ask(self, structure: Structure, answer: Callable[[Atoms], Evaluation]) -> Evaluation:
        if flaw := unfit(structure, self._elements):
            return Evaluation(nan, flaw)
        # outside of the `try`: a model that cannot be loaded is an error of the run
        calculator = self._calculator
        try:
            with quiet():
                return answer(_atoms(structure, calculator))
        except Exception as error:  # what one structure does to a calculator is data
            return Evaluation(nan, first_line(error))

    @cached_property
    def _calculator(self) -> Calculator:
        """Raises ScoutError E440 or E447."""
        try:
            with quiet():
                return self._make()
        except ImportError as error:
            raise ScoutError(
                "E440",
                f"the potential '{self.name}' cannot be imported: {error}",
                "docs/potentials.md says what to install",
            ) from error
        except Exception as error:
            hint = (
                "the file is damaged, or another version of the package made it; "
                "docs/potentials.md names the versions that were tried"
            )
            raise ScoutError(
                "E447", f"the model of '{self.name}' cannot be opened: {first_line(error)}", hint
            ) from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Models greet, and warn of accelerators that are not there."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _atoms(structure: Structure, calculator: Calculator) -> Atoms:
    from ase import Atoms

    return Atoms(
        numbers=structure.atomic_numbers,
        scaled_positions=structure.frac_coords,
        cell=structure.lattice.matrix,
        pbc=True,
        calculator=calculator,
    )


def _energy(atoms: Atoms) -> Evaluation:
    energy = float(atoms.get_potential_energy()) / len(atoms)
    return Evaluation(energy) if isfinite(energy) else Evaluation(nan, "energy is not finite")


def _with_slopes(atoms: Atoms) -> Evaluation:
    import numpy as np

    energy = float(atoms.get_potential_energy()) / len(atoms)
    forces = np.array(atoms.get_forces(), dtype=np.float64)
    stress = np.array(atoms.get_stress(voigt=False), dtype=np.float64)
    if not (isfinite(energy) and np.isfinite(forces).all() and np.isfinite(stress).all()):
        return Evaluation(nan, "energy, forces or stress are not finite")
    return Evaluation(energy, "", forces, stress)
