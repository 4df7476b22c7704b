"""SevenNet-0, 11 July 2024 (Park et al., J. Chem. Theory Comput. 20, 4857 (2024),
doi:10.1021/acs.jctc.4c00190), weights in the sevenn wheel.

Trained on MPtrj, the data of CHGNet, by another architecture: a second opinion. Extra ``sevennet``.
"""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from scoutlang.potentials._calculators import CalculatorPotential
from scoutlang.potentials._potential import MATERIALS_PROJECT, Facts, needed
from scoutlang.support.files import file_digest

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

CHECKPOINT = ("pretrained_potentials", "SevenNet_0__11Jul2024", "checkpoint_sevennet_0.pth")

FACTS = Facts(
    model="SevenNet-0 (11 July 2024)",
    package="sevenn",
    extra="sevennet",
    licence="MIT",
    commercial=True,
    citation="10.1021/acs.jctc.4c00190",
    training="Materials Project relaxations (MPtrj), PBE and PBE+U without corrections",
    elements=MATERIALS_PROJECT,
)


def create() -> CalculatorPotential:
    """Raises ScoutError E440."""
    return from_package("sevennet-0", FACTS, CHECKPOINT)


def from_package(name: str, facts: Facts, checkpoint: tuple[str, ...]) -> CalculatorPotential:
    """A model whose checkpoint stands in the package, by its path there. Raises ScoutError E440."""
    installed = needed(facts)
    with as_file(files("sevenn").joinpath(*checkpoint)) as file:
        digest = file_digest(file)

    def calculator() -> Calculator:
        from sevenn.calculator import SevenNetCalculator

        return SevenNetCalculator(str(files("sevenn").joinpath(*checkpoint)), device="cpu")

    return CalculatorPotential(name, installed, digest, calculator, facts.elements)
