"""``system Cu-Si-P-Ca``: the elements that the crystals may hold. Everything else refers to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from scoutlang.diagnostics import Diagnostic, Label
from scoutlang.frontend import species
from scoutlang.frontend.ast import Chain, Parts, Statement
from scoutlang.frontend.scope import Scope
from scoutlang.source import Span


@dataclass(frozen=True)
class System(Statement):
    rule = "system"
    example = "system Cu-Si-P-Ca"
    once = True
    precedence = 0

    chain: Chain

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        return cls(span, parts.one(Chain))

    def check(self, scope: Scope) -> None:
        species.check_dashes(self.chain, scope)
        symbols: dict[str, Span] = {}
        for item in self.chain.species:
            if item.braced or not item.names:
                text = "a system names its elements one by one"
                scope.report(Diagnostic("E010", f"unexpected `{scope.source.slice(item.span)}`", Label(item.span, text), help=f"for example: {self.example}"))
                continue
            name = item.names[0]
            symbol = species.element(name, scope)
            if symbol is None:
                continue
            if symbol in symbols:
                label = Label(name.span, "remove this one")
                scope.report(Diagnostic("E035", f"{symbol} is named twice", label, (Label(symbols[symbol], "first here"),)))
            symbols.setdefault(symbol, name.span)
        scope.declare_system(tuple(symbols), self.chain.span)
