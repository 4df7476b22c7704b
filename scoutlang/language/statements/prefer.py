"""``prefer volume_per_atom as low as possible``: a claim that steers the sampling and is reported,
but never decides a hit.

It takes what `require` takes, and wishes: ``as low as possible``, ``as high as possible``. Name,
weight and loss are written as in `require`.
"""

from __future__ import annotations

from scoutlang.ir.source import Span
from scoutlang.language.checking import claims
from scoutlang.language.checking.scope import Scope
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Claim, Parts, Statement


class Prefer(Statement):
    rule = "prefer"
    example = "prefer volume_per_atom as low as possible"

    claim: Claim

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Prefer:
        return cls(span, parts.one(Claim))

    def text(self) -> str:
        return f"prefer {printer.claim(self.claim)}"

    def check(self, scope: Scope) -> None:
        claims.check("prefer", self.claim, self.span, scope)
