"""Crystals that the other sources lack and that hulls need: elements, and end members of the
paper's five systems.

Published structure parameters, at the precision at which they are given here; all unrelaxed.
"""

from __future__ import annotations

from collections.abc import Iterator

import ase.data
from ase import Atoms
from ase.build import bulk, molecule
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

from scoutlang.validation.reference import ReferenceStructure

SOURCE = "curated"
LICENCE = "facts from the literature"

_ASHCROFT = (
    "Ashcroft and Mermin, Solid State Physics (1976), "
    "lattice constants as tabulated in ase.data.reference_states"
)
_SIMPLE_METALS = ("Ac", "Au", "Dy", "Eu", "K", "Lu", "Th", "Tm", "Xe", "Yb")


def load() -> list[ReferenceStructure]:
    """Compounds and elements, each with its citation."""
    return [
        ReferenceStructure(id_, SOURCE, structure, citation, LICENCE)
        for id_, structure, citation in (*_compounds(), *_elements())
    ]


def _compounds() -> Iterator[tuple[str, Structure, str]]:
    yield (
        "gamma-B28",
        Structure.from_spacegroup(
            "Pnnm",
            Lattice.orthorhombic(5.0544, 5.6199, 6.9873),
            ["B"] * 5,
            [
                (0.1702, 0.5206, 0),
                (0.1606, 0.2810, 0.3743),
                (0.3472, 0.0924, 0.2093),
                (0.3520, 0.2711, 0),
                (0.1644, 0.0080, 0),
            ],
        ),
        "doi:10.1038/nature07736",
    )
    yield (
        "Nd2Fe14B",
        Structure.from_spacegroup(
            "P4_2/mnm",
            Lattice.tetragonal(8.80, 12.20),
            ["Nd"] * 2 + ["Fe"] * 6 + ["B"],
            [
                (0.268, 0.268, 0),
                (0.140, -0.140, 0),
                (0.223, 0.567, 0.127),
                (0.037, 0.360, 0.176),
                (0.098, 0.098, 0.204),
                (0.317, 0.317, 0.246),
                (0.5, 0.5, 0.114),
                (0, 0.5, 0),
                (0.371, -0.371, 0),
            ],
        ),
        "doi:10.1103/PhysRevB.29.4176",
    )
    yield (
        "Fe2B",
        Structure.from_spacegroup(
            "I4/mcm", Lattice.tetragonal(5.11, 4.25), ["Fe", "B"], [(0.166, 0.666, 0), (0, 0, 0.25)]
        ),
        "doi:10.1524/zkri.2006.221.5-7.477",
    )
    yield (
        "FeB",
        Structure.from_spacegroup(
            "Pnma",
            Lattice.orthorhombic(5.495, 2.946, 4.053),
            ["Fe", "B"],
            [(0.180, 0.25, 0.125), (0.036, 0.25, 0.610)],
        ),
        "Bjurström, Arkiv för Kemi, Mineralogi och Geologi 11A, 1 (1933)",
    )
    yield (
        "LiCoO2",
        Structure.from_spacegroup(
            "R-3m",
            Lattice.hexagonal(2.8161, 14.0536),
            ["Li", "Co", "O"],
            [(0, 0, 0.5), (0, 0, 0), (0, 0, 0.2605)],
        ),
        "doi:10.1006/jssc.1998.7966",
    )
    yield (
        "Co3O4",  # origin choice 1 of Fd-3m: u = 0.263 + 1/8
        Structure.from_spacegroup(
            "Fd-3m",
            Lattice.cubic(8.084),
            ["Co", "Co", "O"],
            [(0, 0, 0), (0.625,) * 3, (0.388,) * 3],
        ),
        "doi:10.1107/S0567740873002505",
    )


def _elements() -> Iterator[tuple[str, Structure, str]]:
    for symbol in _SIMPLE_METALS:
        yield (
            f"{symbol}-{ase.data.reference_states[ase.data.atomic_numbers[symbol]]['symmetry']}",
            _from_ase(bulk(symbol)),
            _ASHCROFT,
        )
    yield (
        "Pr-dhcp",
        Structure.from_spacegroup(
            "P6_3/mmc",
            Lattice.hexagonal(3.67, 2 * 1.614 * 3.67),
            ["Pr", "Pr"],
            [(0, 0, 0), (1 / 3, 2 / 3, 0.25)],
        ),
        _ASHCROFT,
    )
    yield (
        "Br2",
        Structure.from_spacegroup(
            "Cmce", Lattice.orthorhombic(6.67, 4.48, 8.72), ["Br"], [(0, 0.135, 0.110)]
        ),
        "Vonnegut and Warren, J. Am. Chem. Soc. 58, 2459 (1936)",
    )
    fluorine = molecule("F2", cell=[8.0] * 3, pbc=True)
    fluorine.center()
    yield (
        "F2-molecule",
        _from_ase(fluorine),
        "G2 geometry in a box of 8 Å (doi:10.1063/1.473182), as in ase.build.molecule",
    )


def _from_ase(atoms: Atoms) -> Structure:
    return AseAtomsAdaptor.get_structure(atoms)
