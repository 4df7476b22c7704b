"""MACE-MPA-0 medium (Batatia et al., arXiv:2401.00096), or a MACE model of one's own:
``mace:FILE``.

Extra ``mace`` (mace-torch). The weights are not in the package, which fetches them once from its
releases on GitHub. They are a pickled network, as every MACE model: opening one can run any code.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scoutlang.potentials._calculators import CalculatorPotential, quiet
from scoutlang.potentials._local import own_model
from scoutlang.potentials._potential import MATERIALS_PROJECT, Facts, needed, unfetched
from scoutlang.support.files import file_digest

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

MODEL = "medium-mpa-0"
_PICKLES = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"

FACTS = Facts(
    model="MACE-MPA-0 medium",
    package="mace-torch",
    extra="mace",
    licence="MIT",
    commercial=True,
    citation="10.48550/arXiv.2401.00096",
    training="MPtrj and subsampled Alexandria (sAlex), PBE and PBE+U without corrections",
    elements=MATERIALS_PROJECT,
    fetched=True,
)


def create() -> CalculatorPotential:
    """Raises ScoutError: E440 the package is missing, E442 the weights cannot be fetched."""
    installed = needed(FACTS)
    with quiet(), _own_settings():
        from mace.calculators.foundations_models import download_mace_mp_checkpoint, mace_mp_urls
        from mace.tools.utils import get_cache_dir
    try:
        with quiet():
            file = Path(download_mace_mp_checkpoint(MODEL))
    except Exception as error:
        place = get_cache_dir() / "macempa0mediummodel"  # what the package calls it there
        hint = (
            f"on a machine with network fetch {mace_mp_urls[MODEL]}, "
            f"and put the file here as {place}"
        )
        raise unfetched(FACTS, error, hint) from error
    calculator = partial(_calculator, file)
    name = f"mace-{MODEL}"
    return CalculatorPotential(name, installed, file_digest(file), calculator, FACTS.elements)


def _calculator(file: Path) -> Calculator:
    import torch

    with _own_settings():
        from mace.calculators import MACECalculator

        model = torch.load(file, map_location="cpu", weights_only=False)
    # float32, as its authors do: with float64 the package changes torch's default for the whole
    # process
    return MACECalculator(models=model, device="cpu", default_dtype="float32")


# as ``mace_run_train`` saves it
local = own_model(FACTS, "mace", _calculator, runs="a MACE model is a Python pickle")


@contextlib.contextmanager
def _own_settings() -> Iterator[None]:
    """When imported, the package lets every ``torch.load`` of the process unpickle; that ends with
    the import.
    """
    before = os.environ.get(_PICKLES)
    try:
        yield
    finally:
        os.environ.pop(_PICKLES, None)
        if before is not None:
            os.environ[_PICKLES] = before
