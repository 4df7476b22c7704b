"""Other cells of the same lattice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pymatgen.core import Structure


def unsheared(structure: Structure) -> Structure:
    """The crystal in a cell whose edges lean on each other by less than one edge; itself where its
    cell does already.

    A cell may be sheared by any number of edges and is still one of the lattice, but so flat that a
    search for neighbours would need thousands of its images.
    """
    gram = structure.lattice.matrix @ structure.lattice.matrix.T
    lean = np.abs(gram) / np.diagonal(gram)
    np.fill_diagonal(lean, 0.0)
    return structure.get_reduced_structure("LLL") if (lean > 1.0).any() else structure
