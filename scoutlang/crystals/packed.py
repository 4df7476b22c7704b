"""A field that holds a crystal in half a kilobyte instead of ten: a run may have 100 000 of them.

pymatgen's Structure is an object for each site. Here an ordered crystal without anything but
elements, coordinates and cell is three arrays, and a new Structure whenever somebody asks (80 µs
for ten atoms). Any other is kept as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pymatgen.core import Structure


@dataclass(frozen=True, eq=False, slots=True)
class _Arrays:
    cell: NDArray[np.float64]
    numbers: NDArray[np.uint8]
    frac: NDArray[np.float64]

    def structure(self) -> Structure:
        from pymatgen.core import Lattice, Structure

        return Structure(Lattice(self.cell), self.numbers.tolist(), self.frac)


def _packed(structure: Structure) -> _Arrays | Structure:
    from pymatgen.core import Element, Structure

    plain = (
        type(structure) is Structure
        and structure._charge is None
        and not structure.properties
        and all(structure.pbc)
        and all(
            not site.properties
            and len(site.species) == 1
            and type(next(iter(site.species))) is Element
            and site.species.num_atoms == 1
            and site.label == site.species_string
            for site in structure
        )
    )
    if not plain:
        return structure
    return _Arrays(
        structure.lattice.matrix.copy(),
        np.array(structure.atomic_numbers, np.uint8),
        np.array(structure.frac_coords),
    )


class PackedStructure:
    """A descriptor for a field of a dataclass: ``structure: Structure | None``, None if not given.
    What is got is a Structure of its own each time.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_{name}"

    @overload
    def __get__(self, instance: None, owner: type) -> None: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Structure | None: ...
    def __get__(self, instance: object | None, owner: type) -> Structure | None:
        if instance is None:
            return None  # the default of the field
        found: Any = instance.__dict__[self._name]
        return found.structure() if isinstance(found, _Arrays) else found

    def __set__(self, instance: object, value: Structure | None) -> None:
        if value is self:  # not given
            value = None
        instance.__dict__[self._name] = None if value is None else _packed(value)
