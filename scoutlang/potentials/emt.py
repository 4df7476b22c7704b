"""Effective medium theory of seven metals, as in ASE: analytic and fast, for alloys and for trying
things out.

Jacobsen, Stoltze, Nørskov, Surf. Sci. 366, 394 (1996), doi:10.1016/0039-6028(96)00816-3. Energies
are relative to the fcc metals. ASE also has parameters of H, C, N and O, which its authors call
made up; they are left out.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version

from scoutlang.potentials._calculators import CalculatorPotential
from scoutlang.potentials._potential import Facts

METALS = frozenset({"Ag", "Al", "Au", "Cu", "Ni", "Pd", "Pt"})

FACTS = Facts(
    model="EMT",
    package="ase",
    extra="",
    licence="LGPL-2.1-or-later",
    commercial=True,
    citation="10.1016/0039-6028(96)00816-3",
    training="parameters for seven fcc metals, energies relative to them; for alloys and for "
    "trying things out",
    elements=METALS,
)


def create() -> CalculatorPotential:
    from ase.calculators.emt import EMT, parameters

    table = repr(sorted((metal, parameters[metal]) for metal in METALS))
    return CalculatorPotential(
        "emt", f"ase {version('ase')}", hashlib.sha256(table.encode()).hexdigest(), EMT, METALS
    )
