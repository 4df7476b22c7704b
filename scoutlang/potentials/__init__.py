"""Interatomic potentials behind one interface. One file per potential, and the file is the
registration: ``FACTS`` says what it is, ``create`` makes it. Files with a leading underscore serve
the others.

Listing them imports none of them: the checker starts in milliseconds. Packages and model are loaded
when a potential is used. Other packages bring potentials by the entry-point group
``scoutlang.potentials`` (docs/potentials.md); these are looked for only where a name is none of
ours.
"""

from __future__ import annotations

import sys

from scoutlang.potentials import _calculators as calculators
from scoutlang.potentials._calculators import CalculatorPotential
from scoutlang.potentials._catalogue import DEFAULT, Listed, listed, load, module, names, notice
from scoutlang.potentials._potential import (
    MATERIALS_PROJECT,
    SMALLEST_VOLUME,
    Evaluation,
    Facts,
    Potential,
    Report,
    malformed,
    needed,
    structure_hash,
    unfetched,
    unfit,
)
from scoutlang.potentials._threads import one_thread

__all__ = [
    "DEFAULT",
    "MATERIALS_PROJECT",
    "SMALLEST_VOLUME",
    "CalculatorPotential",
    "Evaluation",
    "Facts",
    "Listed",
    "Potential",
    "Report",
    "listed",
    "load",
    "malformed",
    "module",
    "names",
    "needed",
    "notice",
    "one_thread",
    "structure_hash",
    "unfetched",
    "unfit",
]

# the path by which plug-ins import `CalculatorPotential`
sys.modules[f"{__name__}.calculators"] = calculators
