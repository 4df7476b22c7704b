"""``let cation = {Cu, Ca}``: a name for species, a quantity or a proposition.

The name stands for its expression wherever it is used, in any order of the statements. A set in a
`let` may name elements that the system lacks: only those of the system are meant, so that a group
can be written once.
"""

from __future__ import annotations

from scoutlang.language.checking import definitions
from scoutlang.language.checking.scope import Definition, Names, Scope
from scoutlang.language.statements.statement import Defining
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Node


class Let(Defining):
    rule = "let"
    example = "let tight = 2.5 Å"
    usage = "require max(distance(Si-P)) < tight"
    defines = True
    group = True
    outline = "Constant"

    body: Node

    def text(self) -> str:
        return f"let {self.name.text} = {printer.expression(self.body)}"

    def declare(self, scope: Scope, names: Names) -> None:
        definitions.declare(
            Definition(self.name, self.rule, self.body, names, group=self.group), scope
        )
