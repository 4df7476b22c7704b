"""``formula "CuSi2P3"``: the composition of the crystals, in formula units.

At most one per program; its elements are those of the system. The cell holds a whole number of
formula units, as many as `atoms` allows.
"""

from __future__ import annotations

from collections.abc import Sequence

from scoutlang.language.checking import models
from scoutlang.language.checking.scope import Scope
from scoutlang.language.checking.species import formula_parts
from scoutlang.language.diagnostics.messages import Message
from scoutlang.language.diagnostics.suggest import listing, quoted
from scoutlang.language.statements.statement import Slip, Statement
from scoutlang.language.syntax.ast import Name, Text
from scoutlang.language.syntax.lexeme import Lexeme


class Formula(Statement):
    rule = "formula"
    example = 'formula "CaCuSiP2"'
    once = True
    precedence = 2

    written: Name | Text

    @classmethod
    def slip(cls, lexemes: Sequence[Lexeme], position: int) -> Slip | None:
        hyphen = lexemes[position].terminal == "HYPHEN"
        return Slip("a formula has no hyphens: `CuSi2P3`") if hyphen else None

    def text(self) -> str:
        return f'formula "{self.written.text}"'

    def check(self, scope: Scope) -> None:
        parts = formula_parts(self.written.text)
        if not parts:
            text = "symbols with whole numbers, such as CuSi2P3"
            scope.report(
                Message("E078", f"{quoted(self.written.text)} is no formula", text),
                self.written.span,
            )
            return
        counts: dict[str, int] = {}
        for symbol, number in parts:
            counts[symbol] = counts.get(symbol, 0) + number
        outside = [s for s in counts if scope.system and s not in scope.system]
        if outside:
            are = "is" if len(outside) == 1 else "are"
            message = f"{listing(outside, 'and')} {are} not in the system"
            scope.report(
                Message(
                    "E030",
                    message,
                    "add to the system, or change the formula",
                    also="declared here",
                ),
                self.written.span,
                also=scope.system_span,
            )
            return
        size = sum(counts.values())
        if scope.atoms is not None and scope.atoms.low > scope.atoms.high // size * size:
            text = (
                f"a formula unit has {size} atoms, the cell {scope.atoms.low} to {scope.atoms.high}"
            )
            scope.report(
                Message("E078", "no whole number of formula units fits the cell", text),
                self.written.span,
            )
            return
        scope.formula = tuple(counts.items())

    def conclude(self, scope: Scope) -> None:
        assert scope.formula is not None
        counts = dict(scope.formula)
        size = sum(counts.values())
        models.check_size(size, size, self.span, scope)
        missing = [e for e in scope.system if e not in counts]
        if missing:
            are = "is" if len(missing) == 1 else "are"
            message = f"{', '.join(missing)} of the system {are} not in the formula"
            scope.report(Message("W064", message, "no crystal will hold it"), self.span)
