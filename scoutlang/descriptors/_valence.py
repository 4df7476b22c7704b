"""Which elements have bond valence parameters. No descriptor of its own."""

from __future__ import annotations

from collections.abc import Iterator

from scoutlang.descriptors._later import CrystalBatch, neighbours
from scoutlang.ir import Measure, Relation
from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.ir.signatures import Concern

WITHOUT_PARAMETERS = tuple(
    "He Ne Ar Kr Tc Xe Pm Os Pt Au Po At Rn Fr Ra Ac Pa Np Pu Am Cm Bk Cf Es Fm".split()
)
"""Elements that the table of O'Keeffe & Brese (1991) lacks, as pymatgen has it."""


def unknown_valence(measure: Measure, relation: Relation) -> Iterator[Concern]:
    """E048 for elements of the chain without parameters: they never have a value."""
    for element in measure.species[0].elements:
        if element in WITHOUT_PARAMETERS:
            message = f"{element} has no bond valence parameters"
            yield Concern("E048", message, f"{measure.descriptor} has no value for it")


def without_parameters(batch: CrystalBatch, place: int) -> str:
    """``Pt and Au have no bond valence parameters``, of the elements of crystal number ``place``;
    empty where all have some.
    """
    columns = [ATOMIC_NUMBER[element] for element in WITHOUT_PARAMETERS]
    amounts = batch.species[batch.system == place][:, columns].sum(0)
    found = [
        element
        for element, amount in zip(WITHOUT_PARAMETERS, amounts.tolist(), strict=True)
        if amount > neighbours.PRESENT
    ]
    have = "has" if len(found) == 1 else "have"
    return f"{' and '.join(found)} {have} no bond valence parameters" if found else ""
