"""``system Cu-Si-P-Ca``: the elements that the crystals may hold. Everything else refers to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from scoutlang.diagnostics import Label
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
        known = True
        symbols: dict[str, Span] = {}
        for item in self.chain.species:
            if item.braced or not item.names:
                text = "a system names its elements one by one"
                scope.report("E010", f"unexpected `{scope.source.slice(item.span)}`", item.span, text, help=f"for example: {self.example}")
                known = False
                continue
            name = item.names[0]
            symbol = species.element(name, scope)
            if symbol is None:
                known = False
                continue
            if symbol in symbols:
                scope.report("E035", f"{symbol} is named twice", name.span, "remove this one", also=Label(symbols[symbol], "first here"))
            symbols.setdefault(symbol, name.span)
        # With a misspelt element the system is not known well enough to compare other names with it.
        if known:
            scope.declare_system(tuple(symbols), self.chain.span)
