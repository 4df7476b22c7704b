"""``param rc = 2.6 Å in [2.3, 2.9] Å``: a number that can be given another value from outside.

``scout run x.scout --set rc=2.5Å`` changes it for one run, ``sweep rc in {2.4 Å, 2.6 Å}`` makes a
family of runs. The range is optional; a value outside of it is refused.
"""

from __future__ import annotations

from scoutlang import ir
from scoutlang.language.checking import definitions
from scoutlang.language.checking.scope import Definition, Names, Scope
from scoutlang.language.statements.statement import Defining
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Node, Range


class Param(Defining):
    rule = "param"
    example = "param rc = 2.6 Å in [2.3, 2.9] Å"
    usage = "require max(distance(Cu-P)) < rc"
    outline = "Variable"

    value: Node
    range: Range | None

    def text(self) -> str:
        range_ = f" in {printer.range_text(self.range)}" if self.range else ""
        return f"param {self.name.text} = {printer.expression(self.value, printer.OPERAND)}{range_}"

    def declare(self, scope: Scope, names: Names) -> None:
        outside = definitions.override(self.name.text, self.value, scope)
        body, home = outside or (self.value, names)
        definition = Definition(
            self.name, self.rule, body, home, usual=self.value, range=self.range
        )
        definitions.declare(definition, scope)

    def check(self, scope: Scope) -> None:
        value = definitions.parameter_value(self.name, scope)
        if value is not None:
            scope.parameters.append(ir.ParameterValue(self.name.text, value))
