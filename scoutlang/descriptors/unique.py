"""unique: of the structures of its arm that are the same crystal, the one that counts.

Same: pymatgen's StructureMatcher with its default tolerances, as for `novel`, among structures with
the same atoms in the primitive cell. The matcher scales volumes to be equal. Where a line of the
program measures a length, an area, a volume or a density (`volume_per_atom`, `density`, `distance`,
`a`, …: what is in Å, Å^2, Å^3 or g/cm^3), two structures are different also when the volume of one
is more than 1.2 times that of the other. Mirror images are the same; a line with
`unique(hands=apart)` tells left and right hands apart, for the table as well.

The matcher is not transitive (A ~ B and B ~ C do not make A ~ C), so structures form groups: two
are in one group if a chain of structures leads from one to the other in which each is the same as
the next. The order of sampling plays no part. One member represents its group and is unique: a hit
before one whose hit is undefined, that before a miss; of these the one with the lowest energy above
the hull, unknown last; of equals the first. All others are duplicates, and the column
``duplicate_of`` names the one that represents them. U, and what is made of it, counts groups.

Judged after sampling, by the validation; it has no value for a structure alone (`scout measure`).
"""

from __future__ import annotations

from scoutlang.ir.signatures import DescriptorSignature, Parameter

SIGNATURE = DescriptorSignature(
    name="unique",
    summary="it represents the structures of its arm that are the same crystal",
    dimension="truth",
    maximum=1,
    differentiable=False,
    parameters=(Parameter("hands", "choice", "together", choices=("together", "apart")),),
    example="expect unique",
)
