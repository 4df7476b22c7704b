"""``require CN(Cu-P) = 4``: a claim that steers the sampling and decides hits.

A structure is a hit when every `require` holds of it, by exact values; one of which a claim is
undefined, because its species is absent, is no hit. A name in front is used in every table and
plot: ``require dimer: CN(Cu-Cu) = 1``. Behind the claim may stand ``weight 2``, its factor in the
loss, and ``loss l2``, the shape of its loss: l1 (usual, that of the paper), l2, huber or hinge.
"""

from __future__ import annotations

from scoutlang.language.statements.statement import Claiming


class Require(Claiming):
    rule = "require"
    example = "require CN(Cu-P) = 4"
