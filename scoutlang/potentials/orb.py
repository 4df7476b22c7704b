"""Orb-v3 conservative-inf-omat (Rhodes et al., arXiv:2504.06231), or weights of the same
architecture: ``orb:FILE``.

Extra ``orb`` (orb-models). The weights are not in the package, which fetches them once from its
authors' storage. Of a file only numbers are read.
"""

from __future__ import annotations

import inspect
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scoutlang.potentials._calculators import CalculatorPotential
from scoutlang.potentials._local import own_model
from scoutlang.potentials._potential import MATERIALS_PROJECT, Facts, needed, unfetched
from scoutlang.support.files import file_digest

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

FACTS = Facts(
    model="Orb-v3 conservative-inf-omat",
    package="orb-models",
    extra="orb",
    licence="Apache-2.0",
    commercial=True,
    citation="10.48550/arXiv.2504.06231",
    training="OMat24, PBE and PBE+U without corrections",
    elements=MATERIALS_PROJECT,
    fetched=True,
)


def create() -> CalculatorPotential:
    """Raises ScoutError: E440 the package is missing, E442 the weights cannot be fetched."""
    installed = needed(FACTS)
    from cached_path import cached_path
    from orb_models.forcefield.pretrained import orb_v3_conservative_inf_omat

    address = inspect.signature(orb_v3_conservative_inf_omat).parameters["weights_path"].default
    try:
        file = Path(cached_path(address))
    except Exception as error:
        hint = (
            f"on a machine with network fetch {address}, copy the file here, and name it: orb:FILE"
        )
        raise unfetched(FACTS, error, hint) from error
    name, calculator = "orb-v3-conservative-inf-omat", partial(_calculator, file)
    return CalculatorPotential(name, installed, file_digest(file), calculator, FACTS.elements)


def _calculator(file: Path) -> Calculator:
    from orb_models.forcefield.calculator import ORBCalculator
    from orb_models.forcefield.pretrained import orb_v3_conservative_inf_omat

    # float32: with float64 the package changes torch's default for the whole process
    model = orb_v3_conservative_inf_omat(
        str(file), device="cpu", precision="float32-highest", compile=False
    )
    return ORBCalculator(model, device="cpu")


local = own_model(FACTS, "orb", _calculator, FACTS.elements)
