"""``require CN(Cu-P) = 4``: a claim that steers the sampling and decides hits."""

from __future__ import annotations

from scoutlang.frontend import claims, formatting
from scoutlang.frontend.ast import Claim, Parts, Statement
from scoutlang.frontend.scope import Scope
from scoutlang.source import Span


class Require(Statement):
    rule = "require"
    example = "require CN(Cu-P) = 4"

    claim: Claim

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Require:
        return cls(span, parts.one(Claim))

    def text(self) -> str:
        return f"require {formatting.claim(self.claim)}"

    def check(self, scope: Scope) -> None:
        claims.check("require", self.claim, self.span, scope)
