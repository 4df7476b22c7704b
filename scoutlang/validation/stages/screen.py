"""Min-distance validity: no two atoms, periodic images included, closer than a fraction of their
covalent radii's sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pymatgen.core import Lattice, Structure

from scoutlang.ir.elements import COVALENT_RADIUS
from scoutlang.validation.record import Outcome, Record
from scoutlang.validation.stages import Context, Stage, one_by_one


@dataclass(frozen=True)
class Screen(Stage):
    """Radii: Cordero 2008. An element without a radius (Z > 96) makes it undefined."""

    factor: float = 0.7
    """A ratio d(A-B) / (r_A + r_B) below it fails."""

    name = "screen"
    question = "is no pair closer than 0.7 of the covalent radii sum"
    needs = ("geometry",)
    seconds = 0.001
    adds = ("distance_ratio",)  # the smallest of all pairs, where it is below 1; else None

    def run(self, records: Sequence[Record], context: Context) -> list[Outcome]:
        return one_by_one(self._ask, records, context)

    def _ask(self, record: Record) -> Outcome:
        structure = record.structure
        symbols = [site.specie.symbol for site in structure]
        unknown = sorted(set(symbols) - COVALENT_RADIUS.keys())
        if unknown:
            return Outcome(
                "undefined",
                f"no covalent radius for {', '.join(unknown)}",
                {"distance_ratio": None},
            )
        radii = np.array([COVALENT_RADIUS[symbol] for symbol in symbols])
        # pymatgen bins the Cartesian box around the cell: in standard orientation that is small
        upright = Structure(
            Lattice.from_parameters(*structure.lattice.parameters),
            structure.species,
            structure.frac_coords,
        )
        first, second, _, distance = upright.get_neighbor_list(r=2 * radii.max())
        ratio = distance / (radii[first] + radii[second])
        if not len(ratio) or ratio.min() >= 1.0:
            return Outcome("passed", values={"distance_ratio": None})
        worst = int(ratio.argmin())
        smallest = float(ratio[worst])
        values = {"distance_ratio": smallest}
        if smallest >= self.factor:
            return Outcome("passed", values=values)
        pair = "-".join(sorted((symbols[first[worst]], symbols[second[worst]])))
        return Outcome(
            "failed",
            f"{pair} at {distance[worst]:.2f} Å, {smallest:.2f} of the covalent radii sum",
            values,
        )


STAGE = Screen()
