"""charge_balanced: whether common oxidation states of the elements can add up to zero.

Each atom takes one of its element's common states (those that pymatgen lists from the ICSD, else
its ``common_oxidation_states``), atoms of one element may differ (Fe3O4), and the formula unit must
be neutral. It is the question of pymatgen's ``Composition.oxi_state_guesses``, answered by the sums
that can be reached instead of by all combinations, so that large cells cost nothing.

Only the composition counts. An element by itself is balanced: all states zero. In a compound zero
is not a state, so an intermetallic phase or an alloy is not balanced as a rule (CuZn, Nd2Fe14B),
and that says nothing against it: ask this of salts and ceramics. Peroxides and polyiodides are not
balanced either: O is −2 and I −1 here. Undefined for an element without listed states (He, Ne, Ar)
in a compound, and where an atom is undecided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scoutlang.descriptors._values import of_structures
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature

if TYPE_CHECKING:
    from pymatgen.core import Structure

SIGNATURE = DescriptorSignature(
    name="charge_balanced",
    summary="common oxidation states can add up to zero",
    dimension="truth",
    maximum=1,
    differentiable=False,
    example="expect charge_balanced",
)


def formula(measure: Measure) -> str:
    return "Σ oxidation states = 0 for some choice of common states"


@of_structures
def exact(structure: Structure, measure: Measure) -> bool | None:
    """Whether the charges can add up, None where an element has no states."""
    amounts = structure.composition.reduced_composition.items()
    if len(amounts) == 1:
        return True
    reached = {0}
    for element, amount in amounts:
        states = element.icsd_oxidation_states or element.common_oxidation_states
        if not states:
            return None
        for _ in range(int(amount)):
            reached = {charge + state for charge in reached for state in states}
    return 0 in reached
