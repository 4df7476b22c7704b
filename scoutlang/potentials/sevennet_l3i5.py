"""SevenNet-l3i5 (Park, Kim, Hwang, Han, J. Chem. Theory Comput. 20, 4857 (2024),
doi:10.1021/acs.jctc.4c00190), on the CPU: SevenNet-0 with angular momenta up to 3 in place of 2.
Slower. Extra ``sevennet``, whose wheel has its weights.
"""

from __future__ import annotations

from dataclasses import replace

from scoutlang.potentials import sevennet
from scoutlang.potentials._calculators import CalculatorPotential

FACTS = replace(sevennet.FACTS, model="SevenNet-l3i5 (12 December 2024)")


def create() -> CalculatorPotential:
    """Raises ScoutError E440."""
    return sevennet.from_package(
        "sevennet-l3i5", FACTS, ("pretrained_potentials", "SevenNet_l3i5", "checkpoint_l3i5.pth")
    )
