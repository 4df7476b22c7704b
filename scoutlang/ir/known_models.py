"""What is known of a model by its name alone, so that a program can be checked without loading it.
Torch-free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class KnownModel:
    """A model that may be named in a program."""

    by_system: bool
    """Whether it is conditioned on the chemical system, so that the factor ``cfg`` acts."""
    max_atoms: int = 20
    """Largest cell of its training set."""


KNOWN_MODELS: Mapping[str, KnownModel] = {
    "mini": KnownModel(by_system=True),
    "mini-1": KnownModel(by_system=True),
    # Published with MatterGen (Zeni et al., Nature 639, 624, 2025; doi:10.1038/s41586-025-08628-5),
    # trained on Alex-MP-20.
    "mattergen_base": KnownModel(by_system=False),
    "mp_20_base": KnownModel(by_system=False),
    "chemical_system": KnownModel(by_system=True),
    "space_group": KnownModel(by_system=False),
    "dft_mag_density": KnownModel(by_system=False),
    "dft_band_gap": KnownModel(by_system=False),
    "ml_bulk_modulus": KnownModel(by_system=False),
    "dft_mag_density_hhi_score": KnownModel(by_system=False),
    "chemical_system_energy_above_hull": KnownModel(by_system=True),
}
"""Names that `sample model …` takes besides the path of a checkpoint folder."""
