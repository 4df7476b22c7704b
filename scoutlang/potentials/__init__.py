"""Interatomic potentials behind one interface. One file per potential, and the file is the registration: its ``create`` makes the potential.

Listing them imports none of them: the checker starts in milliseconds. Packages and model are loaded when a potential is used.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from scoutlang.elements import SYMBOLS
from scoutlang.errors import ScoutError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pymatgen.core import Structure

Report = Callable[[int, int], None]

_SHARED = frozenset({"cache", "calculators"})  # modules of this package that serve the potentials

SMALLEST_VOLUME = 2.5
"""Å^3 per atom. The densest crystals at ambient pressure have 5.6 (diamond); nothing near this was fitted, and neighbour lists grow with its inverse
square and cube: 20 atoms at 1 Å^3 each cost CHGNet 90 s and 21 GB."""


@dataclass(frozen=True)
class Evaluation:
    """``energy`` in eV/atom; NaN exactly when ``reason`` says why there is none.

    forces: (n, 3) eV/Å, −∂E/∂r of the total energy E. stress: (3, 3) eV/Å^3, (1/V) ∂E/∂ε for the strain r → r (1 + ε), so that it is positive
    where the crystal would rather shrink (the sign of ASE; 1 eV/Å^3 = 160.2 GPa). Both None where only energies were asked for, or it failed.
    """

    energy: float
    reason: str = ""
    forces: NDArray[np.float64] | None = field(default=None, compare=False)
    stress: NDArray[np.float64] | None = field(default=None, compare=False)


class Potential(Protocol):
    """A total-energy model. ``weights_sha256`` identifies the parameters: energies of different hashes are never mixed.

    A structure that it cannot treat is data, an `Evaluation` with a reason, not an exception.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def weights_sha256(self) -> str: ...

    def energies(self, structures: Sequence[Structure], *, batch_size: int = 16, report: Report | None = None) -> list[Evaluation]:
        """One evaluation per structure, in order; independent of ``batch_size``."""
        ...

    def evaluate(self, structures: Sequence[Structure], *, batch_size: int = 16) -> list[Evaluation]:
        """The same with forces and stress."""
        ...


def names() -> tuple[str, ...]:
    """The potentials that exist, installed or not, in alphabetical order."""
    return tuple(sorted({info.name for info in pkgutil.iter_modules(__path__)} - _SHARED))


def load(name: str = "chgnet") -> Potential:
    """A potential by name, its energies cached on disk. Raises ScoutError E440 for an unknown name or where its package is missing."""
    from scoutlang.potentials.cache import Cached

    if name not in names():
        raise ScoutError("E440", f"unknown potential '{name}'", f"known potentials: {', '.join(names())}")
    return Cached(_opened(name))


@lru_cache(maxsize=2)  # a guided run asks at every step, and a model takes 0.1 s (CHGNet) to half a minute (GRACE) to load
def _opened(name: str) -> Potential:
    potential: Potential = importlib.import_module(f"{__name__}.{name}").create()
    return potential


def missing(potential: str, package: str, extra: str) -> ScoutError:
    """The error of a potential whose package is not installed."""
    return ScoutError("E440", f"the potential '{potential}' needs the package {package}", f"pip install 'scoutlang[{extra}]'")


def unfit(structure: Structure, known: Container[str]) -> str:
    """Why no potential for these elements can treat a structure; empty if nothing speaks against it."""
    import numpy as np

    if not structure.is_ordered:
        return "partially occupied sites"
    if not (np.isfinite(structure.lattice.matrix).all() and np.isfinite(structure.frac_coords).all()):
        return "coordinates or lattice are not finite"
    unknown = sorted({SYMBOLS[z - 1] for z in structure.atomic_numbers} - {s for s in SYMBOLS if s in known})
    if unknown:
        return f"does not know {', '.join(unknown)}"
    if structure.volume < SMALLEST_VOLUME * len(structure):
        return f"denser than {SMALLEST_VOLUME:g} Å^3 per atom"
    return ""


def failure(error: Exception) -> str:
    """One line for an `Evaluation`: the kind of error and the first line of its message."""
    return f"{type(error).__name__}: {error}".splitlines()[0]
