"""GRACE-2L-OMAT-large-ft-AM, the potential of the paper (Bochkarev, Lysogorskiy, Drautz, Phys. Rev. X 14, 021036 (2024),
doi:10.1103/PhysRevX.14.021036; foundation models: Lysogorskiy, Bochkarev, Drautz, arXiv:2508.17936).

Extra ``grace`` (tensorpotential, on TensorFlow). Code and weights are under the Academic Software License: no commercial use. The weights are not in
the package; tensorpotential fetches them once into ``$GRACE_CACHE``, else ``~/.cache/grace``, where they can also be put by hand.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from scoutlang.errors import ScoutError
from scoutlang.potentials import missing
from scoutlang.potentials.calculators import CalculatorPotential

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

MODEL = "GRACE-2L-OMAT-large-ft-AM"


def create() -> CalculatorPotential:
    """Raises ScoutError: E440 the package is missing, E442 the weights cannot be fetched."""
    try:
        from tensorpotential.calculator.foundation_models import get_or_download_model
    except ImportError as error:  # TensorFlow below it may be what is missing
        raise missing("grace", "tensorpotential", "grace") from error
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            folder = Path(get_or_download_model(MODEL))
    except Exception as error:  # no network, no space, a page instead of a file
        raise ScoutError(
            "E442",
            f"the weights of {MODEL} cannot be fetched: {error}".splitlines()[0],
            f"on a machine with network run: grace_models download {MODEL}; then copy its ~/.cache/grace",
        ) from error
    return from_folder(MODEL, folder, f"tensorpotential {version('tensorpotential')}")


def from_folder(name: str, folder: Path, version: str) -> CalculatorPotential:
    """A GRACE model that was exported as a TensorFlow SavedModel."""

    def make() -> Calculator:
        from tensorpotential.calculator import TPCalculator

        return TPCalculator(model=str(folder), enable_uq_if_available=False)

    return CalculatorPotential(name.lower(), version, _digest(folder), make)


def _digest(folder: Path) -> str:
    """SHA-256 over the names and contents of what the model is made of; notes that the downloader leaves beside it do not count."""
    digest = hashlib.sha256()
    for file in (folder / "saved_model.pb", *sorted((folder / "variables").iterdir())):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
