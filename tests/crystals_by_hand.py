"""Crystals, references and a potential that needs no model: energies of these tests are known by
hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan

import numpy as np
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.specimen import Specimen
from scoutlang.potentials import Evaluation, Report
from scoutlang.validation.reference import Reference
from scoutlang.validation.reference.structures import ReferenceStructure

_FACE_CENTRED = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]


class TablePotential:
    """eV/atom by reduced formula; a formula that it does not know is a failure. Counts what it was
    asked for.
    """

    name = "table"
    version = "1"
    weights_sha256 = "0" * 64

    def __init__(self, energies: Mapping[str, float]) -> None:
        self.table = energies
        self.asked: list[Structure] = []

    def energies(
        self, structures: Sequence[Structure], *, batch_size: int = 16, report: Report | None = None
    ) -> list[Evaluation]:
        self.asked.extend(structures)
        formulas = [s.composition.reduced_formula for s in structures]
        return [
            Evaluation(self.table[f]) if f in self.table else Evaluation(nan, f"does not know {f}")
            for f in formulas
        ]


def rock_salt(cation: str = "Na", anion: str = "Cl", a: float = 5.64) -> Structure:
    """Conventional cell of 8 atoms, cation at the origin, edge in Å. (`from_spacegroup` takes a
    second for this group.)
    """
    shifted = [(x + 0.5, y, z) for x, y, z in _FACE_CENTRED]
    return Structure(Lattice.cubic(a), [cation] * 4 + [anion] * 4, _FACE_CENTRED + shifted)


def simple_cubic(element: str, a: float) -> Structure:
    return Structure(Lattice.cubic(a), [element], [(0, 0, 0)])


def close_packed(element: str, a: float) -> Structure:
    """Hexagonal, with the ideal c/a."""
    return Structure(
        Lattice.hexagonal(a, a * np.sqrt(8 / 3)),
        [element] * 2,
        [(1 / 3, 2 / 3, 0.25), (2 / 3, 1 / 3, 0.75)],
    )


def auricupride() -> Structure:
    """AuCu3."""
    return Structure(Lattice.cubic(3.75), ["Au", "Cu", "Cu", "Cu"], _FACE_CENTRED)


def argon() -> Structure:
    return Structure(Lattice.cubic(5.24), ["Ar"] * 4, _FACE_CENTRED)


def known(*structures: Structure) -> Reference:
    return Reference.from_structures(
        "by hand",
        [ReferenceStructure(str(i), "test", s, "none", "none") for i, s in enumerate(structures)],
    )


def generated(*structures: Structure | None, arm: str = "guided") -> list[Specimen]:
    return [
        Specimen(
            "guided" if arm == "guided" else "non-guided",
            0,
            i,
            s,
            None if s else "the sampler gave NaN",
        )
        for i, s in enumerate(structures)
    ]
