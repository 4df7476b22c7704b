"""What is known of a model by its name alone, so that a program can be checked without loading it.
Torch-free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scoutlang.ir.elements import SYMBOLS


@dataclass(frozen=True)
class KnownModel:
    """A model that may be named in a program."""

    by_system: bool
    """Whether it is conditioned on the chemical system, so that the factor ``cfg`` acts."""
    max_atoms: int = 20
    """Largest cell of its training set."""
    elements: frozenset[str] | None = None
    """That it was trained on; None where only its files say so."""


_UNKNOWN = frozenset({"He", "Ne", "Ar", "Kr", "Xe", "Rn", "Tc", "Pm"})
# Alex-MP-20 has no noble gas, no technetium or promethium, and nothing from polonium on
_ALEX_MP_20 = frozenset(SYMBOLS[:83]) - _UNKNOWN


def _published(*, by_system: bool) -> KnownModel:
    return KnownModel(by_system=by_system, elements=_ALEX_MP_20)


KNOWN_MODELS: Mapping[str, KnownModel] = {
    "mini": KnownModel(by_system=True),
    "mini-1": KnownModel(by_system=True),
    # Published with MatterGen (Zeni et al., Nature 639, 624, 2025; doi:10.1038/s41586-025-08628-5),
    # trained on Alex-MP-20.
    "mattergen_base": _published(by_system=False),
    "mp_20_base": _published(by_system=False),
    "chemical_system": _published(by_system=True),
    "space_group": _published(by_system=False),
    "dft_mag_density": _published(by_system=False),
    "dft_band_gap": _published(by_system=False),
    "ml_bulk_modulus": _published(by_system=False),
    "dft_mag_density_hhi_score": _published(by_system=False),
    "chemical_system_energy_above_hull": _published(by_system=True),
}
"""Names that `sample model …` takes besides the path of a checkpoint folder."""
