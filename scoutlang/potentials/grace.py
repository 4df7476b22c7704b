"""GRACE-2L-OMAT-large-ft-AM, the potential of the paper (Bochkarev, Lysogorskiy, Drautz, Phys. Rev.
X 14, 021036 (2024), doi:10.1103/PhysRevX.14.021036; foundation models: Lysogorskiy, Bochkarev,
Drautz, arXiv:2508.17936).

Extra ``grace`` (tensorpotential, on TensorFlow). Code and weights are under the Academic Software
License: no commercial use. The weights are not in the package; tensorpotential fetches them once
into ``$GRACE_CACHE``, else ``~/.cache/grace``, where they can also be put by hand. ``grace:FOLDER``
is a model of one's own, exported as a TensorFlow SavedModel.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scoutlang.potentials._calculators import CalculatorPotential, quiet
from scoutlang.potentials._local import folder_digest, local_model
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
    digest = folder_digest([f for part in PARTS for f in sorted(folder.glob(part)) if f.is_file()])
    return _from_folder(MODEL.lower(), folder, digest, installed)


def local(text: str) -> CalculatorPotential:
    """A SavedModel of one's own. Raises ScoutError E440, and E443 to E445 of `local_model`."""
    installed = needed(FACTS)
    model = local_model(
        "grace", text, runs="a TensorFlow graph can read and write files", parts=PARTS
    )
    return _from_folder(f"grace-{model.name}", model.path, model.sha256, installed)


def _from_folder(name: str, folder: Path, digest: str, installed: str) -> CalculatorPotential:
    def make() -> Calculator:
        from tensorpotential.calculator import TPCalculator

        return TPCalculator(model=str(folder), enable_uq_if_available=False)

    return CalculatorPotential(name, installed, digest, make)
