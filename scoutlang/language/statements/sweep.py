"""``sweep k in {0.2, 0.4, 0.8}``: a family of runs from one hypothesis, one for each value.

The name is a `param` of the program or a setting of `guide`, `sample` or `relax` (as `relax_rho`).
Several sweeps make one run for each combination.
"""

from __future__ import annotations

import math

from scoutlang import ir
from scoutlang.language.checking import definitions
from scoutlang.language.checking.scope import Scope
from scoutlang.language.diagnostics.messages import Message
from scoutlang.language.statements.statement import Statement
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Name, Set

MAX_MEMBERS = 1_000


class Sweep(Statement):
    rule = "sweep"
    example = "sweep k in {0.2, 0.4, 0.8}"
    precedence = 2
    takes = "parameters"

    name: Name
    values: Set

    def text(self) -> str:
        return f"sweep {self.name.text} in {printer.expression(self.values)}"

    def check(self, scope: Scope) -> None:
        name = self.name.text
        if not definitions.can_be_set(name, scope):
            advice = definitions.settable_help(name, scope)
            scope.report(
                Message("E077", f"nothing here is called `{name}`", advice), self.name.span
            )
            return
        before = next(s for s in scope.statements if isinstance(s, Sweep) and s.name == self.name)
        if before.span.start < self.span.start:
            message = Message("E070", f"`{name}` is swept twice", "merge the values")
            scope.report(message, self.name.span, also=before.name.span)
            return
        if name in scope.overrides:
            return
        texts = tuple(printer.expression(v, printer.OPERAND) for v in self.values.items)
        members = math.prod([len(texts), *(len(sweep.values) for sweep in scope.sweeps)])
        wrong = None
        if len(set(texts)) < len(texts):
            wrong = Message("E077", "a value is given twice", "each value makes one run")
        elif members > MAX_MEMBERS:
            wrong = Message("E077", f"the sweeps make {members} runs", f"at most {MAX_MEMBERS}")
        if wrong:
            scope.report(wrong, self.values.span)
            return
        possible = [definitions.check_sweep_value(name, v, scope) for v in self.values.items]
        if all(possible):
            scope.sweeps.append(ir.Sweep(name, texts))
