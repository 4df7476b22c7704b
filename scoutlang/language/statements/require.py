"""``require CN(Cu-P) = 4``: a claim that steers the sampling and decides hits.

A structure is a hit when every `require` holds of it, by exact values; one of which a claim is
undefined, because its species is absent, is no hit. A name in front is used in every table and
plot: ``require dimer: CN(Cu-Cu) = 1``. Behind the claim may stand ``weight 2``, its factor in the
loss, and ``loss l2``, the shape of its loss: l1 (usual, that of the paper), l2, huber or hinge.
"""

from __future__ import annotations

from scoutlang.ir.source import Span
from scoutlang.language.checking import claims
from scoutlang.language.checking.scope import Scope
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Claim, Parts, Statement


class Require(Statement):
    rule = "require"
    example = "require CN(Cu-P) = 4"

    claim: Claim

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Require:
        return cls(span, parts.one(Claim))

    def text(self) -> str:
        return f"require {printer.claim(self.claim)}"

    def check(self, scope: Scope) -> None:
        claims.check("require", self.claim, self.span, scope)
