"""e_above_hull: energy above the convex hull of the reference set, in eV/atom, unrelaxed.

The energy of the structure as it is, minus that of the most stable mixture of reference crystals of
its composition; all energies are from the run's potential (CHGNet unless told otherwise), the
reference crystals evaluated by it too. Negative where the structure is more stable than everything
in the set. Undefined where the set lacks an element, where the potential cannot treat the
structure, and where two atoms are closer than 0.7 of their covalent radii's sum. A small set makes
the hull too high, so values are lower bounds of those above the full hull of known compounds.

Judged after sampling, by the validation: it depends on the reference set, so it has no value for a
structure alone (`scout measure`) and no gradient. `prefer energy_per_atom as low as possible`
guides towards it at a fixed composition.
"""

from __future__ import annotations

from scoutlang.ir.signatures import DescriptorSignature

SIGNATURE = DescriptorSignature(
    name="e_above_hull",
    summary="energy above the convex hull of the reference set, by the run's potential, unrelaxed",
    dimension="energy_per_atom",
    scale=0.1,
    tolerance=0.025,
    minimum=float("-inf"),
    differentiable=False,
    example="expect e_above_hull < 0.2 eV/atom",
)
