"""``start "seed.cif" noise 0.4``: a crystal that sampling starts from.

At most one per program. Instead of noise, each structure of both arms begins as the crystal of the
CIF, noised to the given diffusion time: near 0 little changes, at 1 nothing of it is left. At 0.4
about 40 % of the atoms lose their element, and may take another one of the system; atoms whose
element is not in the system lose it always, so that ``system Ag-O`` with the CIF of Cu2O puts
silver or oxygen on the sites of copper. The number of atoms is that of the file. Steps that belong
to more noise are left out. Not together with `formula`, `atoms`, `symmetry` or `keep`.
"""

from __future__ import annotations

from scoutlang import ir
from scoutlang.language.checking.scope import Scope
from scoutlang.language.diagnostics.messages import Message
from scoutlang.language.statements.keep import CRYSTALS
from scoutlang.language.statements.statement import Statement
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Number, Setting, Text


class Start(Statement):
    rule = "start"
    example = 'start "seed.cif" noise 0.4'
    once = True
    since = 1.1
    precedence = 3

    seed: Text
    setting: Setting

    def text(self) -> str:
        return f'start "{self.seed.text}" {printer.settings((self.setting,))}'

    def check(self, scope: Scope) -> None:
        setting, value = self.setting, self.setting.value
        good = (
            setting.key.text == "noise"
            and isinstance(value, Number)
            and setting.unit is None
            and 0 < value.value <= 1
        )
        if not good:
            scope.report(
                Message("E083", "how far is it noised?", "write `noise 0.4`, above 0 and up to 1"),
                setting.span,
            )
            return
        seed = scope.files.text(self.seed, CRYSTALS, scope)
        if seed is not None:
            assert isinstance(value, Number)
            scope.start = ir.Start(seed, value.value)

    def conclude(self, scope: Scope) -> None:
        others = {"formula": scope.formula, "atoms": scope.atoms, "symmetry": scope.symmetry}
        for name, other in others.items():
            if other is not None:
                text = f"the crystal of the file has its own; a program has `start` or `{name}`"
                scope.report(Message("E083", f"`start` does not go with `{name}`", text), self.span)
