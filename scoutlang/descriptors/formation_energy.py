"""formation_energy: energy of forming the crystal from its elements, in eV/atom, unrelaxed.

E/n of the structure as it is, minus the mean over its atoms of the energy per atom of their
elements, each as the most stable crystal that the reference set has of it; all energies are from
the run's potential, the reference crystals evaluated by it too, at 0 K and without pressure or
vibrations. Negative where the crystal is more stable than its elements, which says nothing of other
compounds: `e_above_hull` does. Undefined where the set lacks an element, where the potential cannot
treat the structure, and where two atoms are closer than 0.7 of their covalent radii's sum.

Judged after sampling, by the validation, as `e_above_hull` is: it has no value for a structure
alone (`scout measure`) and no gradient. Tolerance 0.025 eV/atom, scale 0.1 eV/atom.
"""

from __future__ import annotations

from scoutlang.ir.signatures import DescriptorSignature

SIGNATURE = DescriptorSignature(
    name="formation_energy",
    summary="energy of forming the crystal from its elements, by the run's potential, unrelaxed",
    dimension="energy_per_atom",
    scale=0.1,
    tolerance=0.025,
    minimum=float("-inf"),
    differentiable=False,
    example="expect formation_energy < 0 eV/atom",
    since="1.1",
)
