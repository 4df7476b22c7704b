"""Crystals, references and a potential that needs no model: energies of these tests are known by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan

from pymatgen.core import Lattice, Structure

from scoutlang.potentials import Evaluation, Report
from scoutlang.validation import Generated
from scoutlang.validation.reference import Reference
from scoutlang.validation.reference.structures import ReferenceStructure


class TablePotential:
    """eV/atom by reduced formula; a formula that it does not know is a failure. Counts what it was asked for."""

    name = "table"
    version = "1"
    weights_sha256 = "0" * 64

    def __init__(self, energies: Mapping[str, float]) -> None:
        self.table = energies
        self.asked: list[Structure] = []

    def energies(self, structures: Sequence[Structure], *, batch_size: int = 16, report: Report | None = None) -> list[Evaluation]:
        self.asked.extend(structures)
        formulas = [s.composition.reduced_formula for s in structures]
        return [Evaluation(self.table[f]) if f in self.table else Evaluation(nan, f"does not know {f}") for f in formulas]


def rock_salt(cation: str = "Na", anion: str = "Cl", a: float = 5.64) -> Structure:
    """Conventional cell of 8 atoms, cation at the origin, edge in Å. (`from_spacegroup` takes a second for this group.)"""
    face_centred = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
    shifted = [(x + 0.5, y, z) for x, y, z in face_centred]
    return Structure(Lattice.cubic(a), [cation] * 4 + [anion] * 4, face_centred + shifted)


def simple_cubic(element: str, a: float) -> Structure:
    return Structure(Lattice.cubic(a), [element], [(0, 0, 0)])


def known(*structures: Structure) -> Reference:
    return Reference.from_structures("by hand", [ReferenceStructure(str(i), "test", s, "none", "none") for i, s in enumerate(structures)])


def generated(*structures: Structure | None, arm: str = "guided") -> list[Generated]:
    return [
        Generated("guided" if arm == "guided" else "non-guided", 0, i, s, None if s else "the sampler gave NaN")
        for i, s in enumerate(structures)
    ]
