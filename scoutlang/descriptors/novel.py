"""novel: no crystal of the reference set has this structure.

A statement about the named reference set of the run (``summary.json`` says which), not about all
that is known: the embedded `mp-mini` holds a few percent of the known compounds. Same structure:
pymatgen's StructureMatcher with its default tolerances (lengths 0.2, sites 0.3 of the free length
per atom, angles 5°, volumes scaled to be equal), among reference crystals of the same reduced
formula: a known crystal at another volume, or its mirror image, is not new, whatever the program
measures. Where the set has none of that formula the crystal is novel without a comparison; the
column ``compared`` says with how many it was compared, ``matched`` which one it is.

Judged after sampling, by the validation; it has no value for a structure alone (`scout measure`).
"""

from __future__ import annotations

from scoutlang.ir.signatures import DescriptorSignature

SIGNATURE = DescriptorSignature(
    name="novel",
    summary="no crystal of the reference set has this structure",
    dimension="truth",
    maximum=1,
    differentiable=False,
    example="expect novel",
)
