"""``expect e_above_hull < 0.2 eV/atom``: a claim that judges the results, without steering the
sampling.

It takes what `require` takes, and descriptors without a gradient, such as `spacegroup` and `novel`.
Of every structure it is reported whether it holds; hits are decided by `require` alone. ``symprec
0.1 Å`` behind the claim is the tolerance of the symmetry search.
"""

from __future__ import annotations

from scoutlang.ir.source import Span
from scoutlang.language.checking import claims
from scoutlang.language.checking.scope import Scope
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Claim, Parts, Statement


class Expect(Statement):
    rule = "expect"
    example = "expect e_above_hull < 0.2 eV/atom"

    claim: Claim

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Expect:
        return cls(span, parts.one(Claim))

    def text(self) -> str:
        return f"expect {printer.claim(self.claim)}"

    def check(self, scope: Scope) -> None:
        claims.check("expect", self.claim, self.span, scope)
