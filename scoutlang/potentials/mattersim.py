"""MatterSim-v1.0.0-5M (Yang et al., arXiv:2405.04967), or a file of its kind: ``mattersim:FILE``.

Extra ``mattersim``. The weights are not in the package, which fetches them once from its repository
on GitHub. Of a file only numbers are read.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scoutlang.ir.elements import SYMBOLS
from scoutlang.potentials._calculators import CalculatorPotential
from scoutlang.potentials._local import own_model
from scoutlang.potentials._potential import Facts, needed, unfetched
from scoutlang.support.files import file_digest

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

FILE = "mattersim-v1.0.0-5M.pth"

FACTS = Facts(
    model="MatterSim-v1.0.0-5M",
    package="mattersim",
    extra="mattersim",
    licence="MIT",
    commercial=True,
    citation="10.48550/arXiv.2405.04967",
    training="17 million structures at 0 to 5000 K and 0 to 1000 GPa, PBE and PBE+U",
    elements=frozenset(SYMBOLS[:89]),
    fetched=True,
)


def create() -> CalculatorPotential:
    """Raises ScoutError: E440 the package is missing, E442 the weights cannot be fetched."""
    installed = needed(FACTS)
    from mattersim.utils.download_utils import download_checkpoint

    folder = Path.home() / ".local" / "mattersim" / "pretrained_models"  # where the package looks
    file = folder / FILE
    try:
        if not file.is_file():
            _silence()
            download_checkpoint(FILE, save_folder=str(folder))
    except Exception as error:
        hint = (
            f"on a machine with network fetch pretrained_models/{FILE} of "
            f"github.com/microsoft/mattersim, and put it here as {file}"
        )
        raise unfetched(FACTS, error, hint) from error
    name, calculator = FACTS.model.lower(), partial(_calculator, file)
    return CalculatorPotential(name, installed, file_digest(file), calculator, FACTS.elements)


def _calculator(file: Path) -> Calculator:
    import torch
    from mattersim.forcefield.potential import MatterSimCalculator, Potential

    _silence()
    # refuses what is more than numbers; the package itself leaves that to a default
    torch.load(file, map_location="cpu", weights_only=True)
    return MatterSimCalculator(
        Potential.from_checkpoint(str(file), device="cpu", load_training_state=False), device="cpu"
    )


# as MatterSim's fine-tuning saves it
local = own_model(FACTS, "mattersim", _calculator, FACTS.elements)


def _silence() -> None:
    from loguru import logger

    logger.disable("mattersim")
