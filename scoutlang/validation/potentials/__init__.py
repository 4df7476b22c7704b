"""Interatomic potentials behind one interface. One file per potential; ``load`` gives it with the cache in front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pymatgen.core import Structure

from scoutlang.errors import ScoutError

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Evaluation:
    """``energy`` in eV/atom; NaN exactly when ``reason`` says why there is none."""

    energy: float
    reason: str = ""


class Potential(Protocol):
    """A total-energy model. ``weights_sha256`` identifies the parameters: energies of different hashes are never mixed."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def weights_sha256(self) -> str: ...

    def energies(self, structures: Sequence[Structure], *, batch_size: int = 16, report: Report | None = None) -> list[Evaluation]:
        """One evaluation per structure, in order; independent of ``batch_size``. A structure it cannot treat is data, not an exception."""
        ...


def load(name: str = "chgnet") -> Potential:
    """A potential by name, its energies cached on disk. Raises ScoutError E440 for an unknown name."""
    from scoutlang.validation.potentials.cache import Cached
    from scoutlang.validation.potentials.chgnet import CHGNetPotential

    if name != "chgnet":
        raise ScoutError("E440", f"unknown potential '{name}'", "known potentials: chgnet")
    return Cached(CHGNetPotential())
