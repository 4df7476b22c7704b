"""``system Cu-Si-P-Ca``: the elements that the crystals may hold. Everything else refers to them.

Exactly one per program. Sampling draws no other element; `*` in a claim means all of these.
"""

from __future__ import annotations

from collections.abc import Sequence

from scoutlang.ir.source import Span
from scoutlang.language.checking import models, species
from scoutlang.language.checking.scope import Scope
from scoutlang.language.diagnostics import messages
from scoutlang.language.diagnostics.messages import Message
from scoutlang.language.diagnostics.suggest import quoted
from scoutlang.language.statements.statement import Statement
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Addition, Node, Plus, Reference


class System(Statement):
    rule = "system"
    example = "system Cu-Si-P-Ca"
    once = True
    required = "name the elements first"
    precedence = 0
    takes = "elements"
    outline = "Namespace"

    elements: tuple[Node, ...]
    joints: tuple[Plus, ...]

    @classmethod
    def build(cls, span: Span, parts: Sequence[Node]) -> System:
        written = parts[0]
        if isinstance(written, Addition):
            return cls(span, written.operands, written.operators)
        return cls(span, (written,), ())

    def text(self) -> str:
        return f"system {printer.chain(self.elements)}"

    def check(self, scope: Scope) -> None:
        known = True
        for joint in self.joints:
            if joint.terminal != "HYPHEN":
                text = scope.slice(joint.span)
                scope.report(messages.no_hyphen(scope.slice(joint.span)), joint.span)
        symbols: dict[str, Span] = {}
        for item in self.elements:
            if not isinstance(item, Reference) or len(item.names) > 1:
                text = "a system names its elements one by one"
                scope.report(
                    Message(
                        "E010",
                        f"unexpected {quoted(scope.slice(item.span))}",
                        text,
                        help=f"for example: {self.example}",
                    ),
                    item.span,
                )
                known = False
                continue
            name = item.names[0]
            symbol = species.element(name, scope)
            if symbol is None:
                known = False
                continue
            if symbol in symbols:
                scope.report(messages.named_twice(symbol), name.span, also=symbols[symbol])
            symbols.setdefault(symbol, name.span)
        # With a misspelt element the system is not known well enough to compare other names with
        # it.
        if known:
            scope.declare_system(
                tuple(symbols), self.elements[0].span.cover(self.elements[-1].span)
            )

    def conclude(self, scope: Scope) -> None:
        models.check_elements(scope)
