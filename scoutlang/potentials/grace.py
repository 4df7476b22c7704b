"""GRACE-2L-OMAT-large-ft-AM, the potential of the paper (Bochkarev, Lysogorskiy, Drautz, Phys. Rev.
X 14, 021036 (2024), doi:10.1103/PhysRevX.14.021036; foundation models: Lysogorskiy, Bochkarev,
Drautz, arXiv:2508.17936).

Extra ``grace`` (tensorpotential, on TensorFlow). Code and weights are under the Academic Software
License: no commercial use. The weights are not in the package; tensorpotential fetches them once
into ``$GRACE_CACHE``, else ``~/.cache/grace``, where they can also be put by hand. ``grace:FOLDER``
is a model of one's own, exported as a TensorFlow SavedModel.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scoutlang.potentials._calculators import CalculatorPotential, quiet
from scoutlang.potentials._local import files_of, folder_digest, own_model
from scoutlang.potentials._potential import MATERIALS_PROJECT, Facts, needed, unfetched
from scoutlang.support.errors import ScoutError

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

MODEL = "GRACE-2L-OMAT-large-ft-AM"
# notes that the downloader leaves beside them do not count
PARTS = ("saved_model.pb", "variables/*", "assets/*")

FACTS = Facts(
    model=MODEL,
    package="tensorpotential",
    extra="grace",
    licence="Academic Software License",
    commercial=False,
    citation="10.1103/PhysRevX.14.021036",
    training="OMat24, then subsampled Alexandria (sAlex) and MPtrj; PBE and PBE+U",
    elements=MATERIALS_PROJECT,
    fetched=True,
)


def create() -> CalculatorPotential:
    """Raises ScoutError: E440 the package is missing, E442 the weights cannot be fetched."""
    installed = needed(FACTS)
    try:
        from tensorpotential.calculator.foundation_models import get_or_download_model
    except ImportError as error:  # TensorFlow below it may be what is missing
        raise ScoutError(
            "E440", f"tensorpotential cannot be imported: {error}", "pip install 'scoutlang[grace]'"
        ) from error
    try:
        with quiet():
            folder = Path(get_or_download_model(MODEL))
    except Exception as error:
        hint = (
            f"on a machine with network run: grace_models download {MODEL}; "
            "then copy its ~/.cache/grace"
        )
        raise unfetched(FACTS, error, hint) from error
    digest = folder_digest(files_of(folder, PARTS))
    return CalculatorPotential(MODEL.lower(), installed, digest, partial(_calculator, folder))


def _calculator(folder: Path) -> Calculator:
    from tensorpotential.calculator import TPCalculator

    return TPCalculator(model=str(folder), enable_uq_if_available=False)


local = own_model(
    FACTS, "grace", _calculator, runs="a TensorFlow graph can read and write files", parts=PARTS
)
