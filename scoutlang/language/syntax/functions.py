"""The functions of the language, and what other programs call what is here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scoutlang import ir


@dataclass(frozen=True)
class Function:
    """A function of the language, for the manual. ``aggregate``: how it makes one number of the
    values of sites, if it does.
    """

    summary: str
    example: str
    aggregate: ir.How | None = None


FUNCTIONS: Mapping[str, Function] = {
    "mean": Function("mean over the sites", "require mean(CN(Cu-P)) = 4", "mean"),
    "min": Function(
        "smallest over the sites; of several quantities, the smallest",
        "require min(CN(Cu-P)) >= 3",
        "min",
    ),
    "max": Function(
        "largest over the sites; of several quantities, the largest",
        "require max(distance(Si-P)) < 2.5 Å",
        "max",
    ),
    "sum": Function("sum over the sites", "require sum(CN(Cu-P)) >= 8", "sum"),
    "std": Function(
        "standard deviation over the sites (population)",
        "require std(distance(Cu-P)) < 0.1 Å",
        "std",
    ),
    "fraction": Function(
        "share of the sites where something holds, 0 to 1", "require fraction(CN(Cu-P) = 4) >= 0.75"
    ),
    "radius": Function(
        "covalent radius (Cordero 2008); of a chain, the sum of its radii",
        "require CN(Cu-P, r = 1.2 * radius(Cu-P)) = 4",
    ),
    "abs": Function("absolute value", "require abs(CN(Cu-P) - CN(P-Cu)) < 1"),
}

_ELSEWHERE = {
    "avg": "mean",
    "average": "mean",
    "all": "each",
    "every": "each",
    "some": "any",
    "exists": "any",
    "coordination": "CN",
    "coordination_number": "CN",
    "bond_length": "bond",
    "bondlength": "bond",
    "bonds": "bond",
    "ehull": "e_above_hull",
    "hull": "e_above_hull",
    "sg": "spacegroup",
    "bond_angle": "angle",
    "bondangle": "angle",
    "bvs": "bond_valence",
    "valence": "oxidation_state",
    "oxidation": "oxidation_state",
    "oxidation_number": "oxidation_state",
    "charge": "oxidation_state",
    "dihedral": "torsion",
    "ring": "ring_size",
    "rings": "ring_size",
    "lattice_system": "crystal_system",
    "composition": "atomic_fraction",
    "stable": "e_above_hull",
    "e_form": "formation_energy",
    "e_formation": "formation_energy",
    "formation": "formation_energy",
}


def elsewhere(name: str) -> str | None:
    """The name here of what is called so in other programs."""
    return _ELSEWHERE.get(name.lower())
