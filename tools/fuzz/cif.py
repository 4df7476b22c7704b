"""A CIF, of any maker."""

from __future__ import annotations

import random
from pathlib import Path

from tools.fuzz import mutations
from tools.fuzz.crystals import SECONDS, crystals, fed

__all__ = ["SECONDS"]


_BY_HAND = b"""data_x
_cell_length_a 4.2(1)
_cell_length_b 4.2
_cell_length_c 4.2
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
_chemical_formula_sum 'Mg O'
_cell_formula_units_Z 4
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Mg1 Mg2+ 0 0 0 1.0
O1 O2- 0.5 0.5 0.5 1
_publ_section_title
;
a text; of two
lines
;
"""


def seeds(folder: Path) -> list[bytes]:
    return [
        _BY_HAND,
        *(one.to(fmt="cif").encode() for one in crystals()),
        crystals()[0].to(fmt="cif", symprec=0.01).encode(),
    ]


def change(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    return mutations.tokens(rng, data, others)


def feed(data: bytes, folder: Path) -> str:
    return fed(data, "x.cif", folder)
