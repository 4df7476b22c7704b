"""SevenNet-0, 11 July 2024 (Park et al., J. Chem. Theory Comput. 20, 4857 (2024), doi:10.1021/acs.jctc.4c00190), weights in the sevenn wheel.

Trained on MPtrj, the data of CHGNet, by another architecture: a second opinion. Extra ``sevennet``.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import TYPE_CHECKING

from scoutlang.potentials import missing
from scoutlang.potentials.calculators import CalculatorPotential

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

CHECKPOINT = ("pretrained_potentials", "SevenNet_0__11Jul2024", "checkpoint_sevennet_0.pth")


def create() -> CalculatorPotential:
    try:
        installed = version("sevenn")
    except PackageNotFoundError as error:
        raise missing("sevennet", "sevenn", "sevennet") from error
    digest = hashlib.sha256(files("sevenn").joinpath(*CHECKPOINT).read_bytes()).hexdigest()
    return CalculatorPotential("sevennet-0", f"sevenn {installed}", digest, _calculator)


def _calculator() -> Calculator:
    from sevenn.calculator import SevenNetCalculator

    return SevenNetCalculator(str(files("sevenn").joinpath(*CHECKPOINT)), device="cpu")
