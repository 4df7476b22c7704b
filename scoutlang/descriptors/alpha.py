"""alpha: angle between the edges b and c of the Niggli-reduced cell, in degrees, from 60 to 120.

It does not depend on the choice of lattice vectors, but a supercell has its own. The three angles
of a reduced cell are all below 90°, or all 90° and more; where a lattice is at the border of two
reductions they jump (the lengths do not). A conventional cell may have other angles, such as a
monoclinic β of 125°. Soft and exact are the same, differentiable in the cell with the reduction
held fixed. Undefined where the cell is broken. Tolerance 2°, scale 10°.

Source: International Tables for Crystallography A, section 3.1.3; reduced by `moyopy`. More in
`_niggli.py`.
"""

from scoutlang.descriptors import _niggli

SIGNATURE, soft, exact, formula = _niggli.angle(
    "alpha",
    "angle between the edges b and c of the Niggli-reduced cell",
    "require alpha = 90° ± 2°",
)
