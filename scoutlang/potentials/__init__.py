"""Interatomic potentials behind one interface. One file per potential, and the file is the
registration: ``FACTS`` says what it is, ``create`` makes it.

Listing them imports none of them: the checker starts in milliseconds. Packages and model are loaded
when a potential is used. Other packages bring potentials by the entry-point group
``scoutlang.potentials`` (docs/potentials.md); these are looked for only where a name is none of
ours.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from scoutlang.ir.elements import SYMBOLS
from scoutlang.support import plugins
from scoutlang.support.errors import ScoutError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pymatgen.core import Structure

Report = Callable[[int, int], None]

DEFAULT = "chgnet"

# modules of this package that serve the potentials
_SHARED = frozenset({"cache", "calculators", "catalogue", "conformance", "local"})

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
    """``energy`` in eV/atom; NaN exactly when ``reason`` says why there is none.

    forces: (n, 3) eV/Å, −∂E/∂r of the total energy E. stress: (3, 3) eV/Å^3, (1/V) ∂E/∂ε for the
    strain r → r (1 + ε), so that it is positive where the crystal would rather shrink (the sign of
    ASE; 1 eV/Å^3 = 160.2 GPa). Both None where only energies were asked for, or it failed.
    """

    energy: float
    reason: str = ""
    forces: NDArray[np.float64] | None = field(default=None, compare=False)
    stress: NDArray[np.float64] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Facts:
    """What one should know of a potential before using it; torch-free, so that all can be listed at
    once.

    model: the one that is loaded. package: the distribution it needs. extra: of scoutlang, that
    brings it; empty where it is always there. licence: of code and weights. commercial: whether
    that allows commercial use. citation: a DOI. training: the data, and whose energies these are.
    elements: those it was trained on. fetched: the weights are not in the package.
    """

    model: str
    package: str
    extra: str
    licence: str
    commercial: bool
    citation: str
    training: str
    elements: frozenset[str]
    fetched: bool = False


class Potential(Protocol):
    """A total-energy model. ``weights_sha256`` identifies the parameters: energies of different
    hashes are never mixed.

    A structure that it cannot treat is data, an `Evaluation` with a reason, not an exception.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def weights_sha256(self) -> str: ...

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


def names() -> tuple[str, ...]:
    """The potentials that scoutlang knows, installed or not, in alphabetical order; without those
    of plug-ins.
    """
    return tuple(sorted({info.name for info in pkgutil.iter_modules(__path__)} - _SHARED))


def module(name: str) -> ModuleType:
    """Where a potential's ``FACTS`` and ``create`` are. Raises ScoutError E440 for an unknown name,
    E450 or E451 for a plug-in that is broken.
    """
    if name in names():
        return importlib.import_module(f"{__name__}.{name}")
    others = GROUP.installed()
    if name in others:
        return plugins.only(others[name]).module()
    raise ScoutError(
        "E440",
        f"unknown potential '{name}'",
        f"known potentials: {', '.join((*names(), *sorted(others)))}",
    )


def load(name: str = DEFAULT) -> Potential:
    """A potential by name, its energies cached on disk; ``mace:FILE`` is a model of one's own
    (docs/potentials.md).

    Raises ScoutError: E440 the name is unknown or its package missing, E442 its weights cannot be
    fetched, E443 to E446 the file of one's own cannot be taken, E450 and E451 a plug-in that is
    broken.
    """
    from scoutlang.potentials.cache import Cached

    return Cached(_opened(name))


# a guided run asks at every step, and a model takes 0.1 s (CHGNet) to half a minute (GRACE) to load
@lru_cache(maxsize=2)
def _opened(name: str) -> Potential:
    kind, colon, model = name.partition(":")
    found = module(kind)
    if colon and not hasattr(found, "local"):
        able = ", ".join(n for n in names() if hasattr(module(n), "local"))
        raise ScoutError(
            "E446", f"the potential '{kind}' takes no model of your own", f"these do: {able}"
        )
    potential: Potential = found.local(model) if colon else found.create()
    return potential


def needed(facts: Facts) -> str:
    """Version of the package that a potential needs. Raises ScoutError E440 where it is not
    installed.
    """
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


def unfit(structure: Structure, known: Container[str]) -> str:
    """Why no potential for these elements can treat a structure; empty if nothing speaks against
    it.
    """
    import numpy as np

    if not len(structure):
        return "no atoms"
    if not structure.is_ordered:
        return "partially occupied sites"
    if not (
        np.isfinite(structure.lattice.matrix).all() and np.isfinite(structure.frac_coords).all()
    ):
        return "coordinates or lattice are not finite"
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


def failure(error: Exception) -> str:
    """One line for an `Evaluation`: the kind of error and the first line of its message."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _flaw(found: ModuleType, name: str) -> str:
    """Why a module is no potential; empty if it is one. What it computes is for
    `testing.check_potential`.
    """
    if not isinstance(getattr(found, "FACTS", None), Facts):
        return f"the module {found.__name__} has no FACTS of the type scoutlang.potentials.Facts"
    return (
        ""
        if callable(getattr(found, "create", None))
        else f"the module {found.__name__} has no function create"
    )


GROUP = plugins.Group("scoutlang.potentials", "potential", _flaw)
