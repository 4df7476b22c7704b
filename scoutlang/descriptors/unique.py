"""unique: no earlier structure of the same arm is the same.

Same structure: pymatgen's StructureMatcher with its default tolerances, as for `novel`, among
structures of the same reduced formula. The matcher is not transitive (A ~ B and B ~ C do not make A
~ C), so the rule is: in the order of sampling, a structure is a duplicate if it matches one that
was unique before it. The first of each group is unique; the column ``duplicate_of`` names it for
the later ones.

Judged after sampling, by the validation; it has no value for a structure alone (`scout measure`).
"""

from __future__ import annotations

from scoutlang.ir.signatures import DescriptorSignature

SIGNATURE = DescriptorSignature(
    name="unique",
    summary="no earlier structure of the same arm is the same",
    dimension="truth",
    maximum=1,
    differentiable=False,
    example="expect unique",
)
