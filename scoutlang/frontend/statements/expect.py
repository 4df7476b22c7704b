"""``expect e_above_hull < 0.2 eV/atom``: a claim that judges the results, without steering the sampling."""

from __future__ import annotations

from scoutlang.frontend import claims, formatting
from scoutlang.frontend.ast import Claim, Parts, Statement
from scoutlang.frontend.scope import Scope
from scoutlang.source import Span


class Expect(Statement):
    rule = "expect"
    example = "expect e_above_hull < 0.2 eV/atom"

    claim: Claim

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Expect:
        return cls(span, parts.one(Claim))

    def text(self) -> str:
        return f"expect {formatting.claim(self.claim)}"

    def check(self, scope: Scope) -> None:
        claims.check("expect", self.claim, self.span, scope)
