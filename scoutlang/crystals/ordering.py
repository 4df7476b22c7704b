"""Ordered crystals that are near a disordered one, by pymatgen's search for the lowest Ewald energy
of formal charges.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from scoutlang.crystals.found import Crystal
from scoutlang.support.errors import ScoutError

if TYPE_CHECKING:
    from pymatgen.core import Structure

MAX_SITES = 32
"""Of the cell in which atoms are put in order."""
MANY = 5_000
"""Arrangements of atoms; of more only the best step after step is found."""
CLOSE = 0.01
"""An occupancy that is met this well is met."""
BEST = 3
"""How many are given."""


def ordered(found: Crystal, name: str) -> list[Crystal]:
    """The best ordered crystals, the lowest energy first, in the smallest cell, up to `MAX_SITES`
    sites, that meets the occupancies best. Each says what was done. Raises ScoutError E204 where
    formal charges do not tell arrangements apart.
    """
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.core import Composition
    from pymatgen.transformations.standard_transformations import (
        OrderDisorderedStructureTransformation,
    )

    structure = found.structure
    cell, times, off = _cell(structure)
    whole = Composition({str(e): round(n) for e, n in cell.composition.items() if round(n)})
    charges = whole.oxi_state_guesses(max_sites=-1)
    if not charges or not any(charges[0].values()):
        raise ScoutError(
            "E204",
            f"{name} is disordered, and its elements have no formal charges by which it could be"
            " put in order",
            "give an ordered model of it",
        )
    cell.add_oxidation_state_by_element(charges[0])
    change = OrderDisorderedStructureTransformation(
        algo=0 if _arrangements(cell) <= MANY else 2, symmetrized_structures=False
    )
    ranked = change.apply_transformation(cell, return_ranked_list=BEST)
    said = "put in order by pymatgen (lowest Ewald energy of formal charges)"
    if max(times) > 1:
        said += f", in {'×'.join(map(str, times))} cells"
    if off > CLOSE:
        said += f", with occupancies changed by up to {off:.2f}"
    different: list[Structure] = []
    matcher = StructureMatcher(scale=False)
    for one in ranked:
        plain = one["structure"].copy()
        plain.remove_oxidation_states()
        if not any(matcher.fit(plain, other) for other in different):
            different.append(plain)
    return [
        Crystal(
            one,
            (f"its file is disordered; {said}; number {n} of {len(different)}", *found.notes),
            found.lacking,
        )
        for n, one in enumerate(different, start=1)
    ]


def _arrangements(cell: Structure) -> float:
    """In how many ways the atoms can be put on their sites."""
    kinds: dict[Any, int] = {}
    for site in cell:
        if not site.is_ordered:
            kinds[site.species] = kinds.get(site.species, 0) + 1
    ways = 1.0
    for species, sites in kinds.items():
        left = sites
        for occupancy in species.values():
            ways *= math.comb(left, round(occupancy * sites))
            left -= round(occupancy * sites)
    return ways


def _cell(structure: Structure) -> tuple[Structure, tuple[int, ...], float]:
    """The supercell with whole numbers of atoms on each kind of site, how many cells it is along
    each axis, and by how much occupancies had to change.
    """
    kinds: dict[Any, list[int]] = {}
    for k, site in enumerate(structure):
        if not site.is_ordered:
            kinds.setdefault(site.species, []).append(k)
    most = max(1, MAX_SITES // len(structure))
    best: tuple[float, int] | None = None
    for cells in range(1, most + 1):
        off = max(
            abs(occupancy - round(occupancy * len(sites) * cells) / (len(sites) * cells))
            for species, sites in kinds.items()
            for occupancy in species.values()
        )
        if best is None or off < best[0] - CLOSE:
            best = off, cells
    assert best is not None
    off, cells = best
    shapes = [
        shape
        for shape in itertools.product(range(1, cells + 1), repeat=3)
        if np.prod(shape) == cells
    ]
    times = min(shapes, key=lambda shape: max(np.multiply(shape, structure.lattice.abc)))
    cell = structure.copy()
    for species, sites in kinds.items():
        total = len(sites) * cells
        whole = {s: round(n * total) / total for s, n in species.items()}
        for k in sites:
            cell[k] = {s: n for s, n in whole.items() if n}
    return cell * times, times, off
