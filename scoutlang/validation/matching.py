"""When two structures are the same: pymatgen's StructureMatcher with its default tolerances.

Lengths 0.2, sites 0.3 of the free length per atom, angles 5°, primitive cells, volumes scaled to be equal: the settings of MatterGen and of the paper.
"""

from __future__ import annotations

from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure

_MATCHER = StructureMatcher()


def reduced(structure: Structure) -> Structure:
    """The primitive Niggli cell: what the matcher would otherwise make of both structures at every comparison (half of its time)."""
    return structure.get_reduced_structure().get_primitive_structure()


def same(a: Structure, b: Structure) -> bool:
    """Whether two `reduced` structures match. Not transitive."""
    return bool(_MATCHER.fit(a, b, skip_structure_reduction=True))
