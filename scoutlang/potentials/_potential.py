"""What an interatomic potential is: the interface, the facts that a user should know before using
one, and what no potential can treat.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from scoutlang.ir.elements import SYMBOLS
from scoutlang.support.errors import ScoutError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pymatgen.core import Structure

Report = Callable[[int, int], None]
"""Is told how many structures are done, of how many."""

MATERIALS_PROJECT = frozenset(SYMBOLS[:94]) - {"Po", "At", "Rn", "Fr", "Ra"}
"""The 89 elements with crystals in the Materials Project, and so of MPtrj: those that SevenNet-0
lists in its checkpoint.
"""

SMALLEST_VOLUME = 2.5
"""Å^3 per atom. The densest crystals at ambient pressure have 5.6 (diamond); nothing near this was
fitted, and neighbour lists grow with its inverse square and cube: 20 atoms at 1 Å^3 each cost
CHGNet 90 s and 21 GB."""


@dataclass(frozen=True)
class Evaluation:
    """What a potential says of one structure."""

    energy: float
    """eV/atom; NaN exactly when there is none."""
    reason: str = ""
    """Why there is no energy; empty where there is one."""
    forces: NDArray[np.float64] | None = field(default=None, compare=False)
    """(n, 3) eV/Å, −∂E/∂r of the total energy E; None where only energies were asked for."""
    stress: NDArray[np.float64] | None = field(default=None, compare=False)
    """(3, 3) eV/Å^3, (1/V) ∂E/∂ε for the strain r → r (1 + ε): positive where the crystal would
    rather shrink (the sign of ASE; 1 eV/Å^3 = 160.2 GPa). None where only energies were asked for.
    """


@dataclass(frozen=True)
class Facts:
    """What one should know of a potential before using it; all can be listed without torch."""

    model: str
    """The one that is loaded."""
    package: str
    """The distribution that it needs."""
    extra: str
    """The extra of scoutlang that brings the package; empty where it is always there."""
    licence: str
    """Of code and weights."""
    commercial: bool
    """Whether the licence allows commercial use."""
    citation: str
    """A DOI."""
    training: str
    """The training data, and whose energies these are."""
    elements: frozenset[str]
    """Those that it was trained on."""
    fetched: bool = False
    """Whether the weights are not in the package and are fetched at the first use."""


class Potential(Protocol):
    """A total-energy model. A structure that it cannot treat is data, an `Evaluation` with a
    reason, not an exception.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def weights_sha256(self) -> str:
        """Identifies the parameters: energies of different hashes are never mixed."""
        ...

    def energies(
        self, structures: Sequence[Structure], *, batch_size: int = 16, report: Report | None = None
    ) -> list[Evaluation]:
        """One evaluation per structure, in order; independent of ``batch_size``."""
        ...

    def evaluate(
        self, structures: Sequence[Structure], *, batch_size: int = 16
    ) -> list[Evaluation]:
        """The same with forces and stress."""
        ...


def needed(facts: Facts) -> str:
    """Version of the package that a potential needs. Raises ScoutError E440 where it is not
    installed.
    """
    # takes tens of ms, which those who only list potentials need not wait for
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"{facts.package} {version(facts.package)}"
    except PackageNotFoundError as error:
        raise ScoutError(
            "E440",
            f"{facts.model} needs the package {facts.package}",
            f"pip install 'scoutlang[{facts.extra}]'",
        ) from error


def unfetched(facts: Facts, error: Exception, hint: str) -> ScoutError:
    """The error of a potential whose weights are not on this machine and cannot be had: no network,
    no space, a page instead of a file.
    """
    return ScoutError(
        "E442", f"the weights of {facts.model} cannot be fetched ({type(error).__name__})", hint
    )


def malformed(structure: Structure) -> str:
    """Why a structure is no crystal of whole atoms at finite places; empty if it is one."""
    import numpy as np

    if not len(structure):
        return "no atoms"
    if not structure.is_ordered:
        return "partially occupied sites"
    numbers = (structure.lattice.matrix, structure.frac_coords)
    if not all(np.isfinite(some).all() for some in numbers):
        return "coordinates or lattice are not finite"
    return ""


def unfit(structure: Structure, known: Container[str]) -> str:
    """Why no potential for these elements can treat a structure; empty if nothing speaks against
    it.
    """
    if flaw := malformed(structure):
        return flaw
    unknown = {
        e.symbol
        for e in structure.elements
        if not 1 <= e.Z <= len(SYMBOLS) or SYMBOLS[e.Z - 1] not in known
    }
    if unknown:
        return f"does not know {', '.join(sorted(unknown))}"
    if structure.volume < SMALLEST_VOLUME * len(structure):
        return f"denser than {SMALLEST_VOLUME:g} Å^3 per atom"
    return ""


def structure_hash(structure: Structure) -> str:
    """SHA-256 of the exact numbers: species, fractional coordinates and lattice as little-endian
    float64.
    """
    import numpy as np

    digest = hashlib.sha256(str([str(site.species) for site in structure]).encode())
    digest.update(np.asarray(structure.frac_coords, dtype="<f8").tobytes())
    digest.update(np.asarray(structure.lattice.matrix, dtype="<f8").tobytes())
    return digest.hexdigest()
