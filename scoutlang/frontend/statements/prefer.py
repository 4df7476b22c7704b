"""``prefer volume_per_atom as low as possible``: a claim that steers the sampling and is reported, but never decides a hit.

It takes what `require` takes, and wishes: ``as low as possible``, ``as high as possible``. Name, weight and loss are written as in `require`.
"""

from __future__ import annotations

from scoutlang.frontend import claims, formatting
from scoutlang.frontend.ast import Claim, Parts, Statement
from scoutlang.frontend.scope import Scope
from scoutlang.source import Span


class Prefer(Statement):
    rule = "prefer"
    example = "prefer volume_per_atom as low as possible"

    claim: Claim

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Prefer:
        return cls(span, parts.one(Claim))

    def text(self) -> str:
        return f"prefer {formatting.claim(self.claim)}"

    def check(self, scope: Scope) -> None:
        claims.check("prefer", self.claim, self.span, scope)
