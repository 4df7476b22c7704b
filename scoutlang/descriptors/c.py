"""c: longest edge of the Niggli-reduced cell, a ≤ b ≤ c, in Å.

It does not depend on the choice of lattice vectors, but a supercell has its own. Soft and exact are
the same, differentiable in the cell with the reduction held fixed. Undefined where the cell is
broken. Tolerance 0.1 Å, scale 1 Å.

Source: International Tables for Crystallography A, section 3.1.3; reduced by `moyopy`. More in
`_niggli.py`.
"""

from scoutlang.descriptors import _niggli

SIGNATURE, soft, exact, formula = _niggli.edge(
    "c", "longest edge of the Niggli-reduced cell, a ≤ b ≤ c", "require c >= 10 Å"
)
