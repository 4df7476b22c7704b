"""``relax rho 0.5 eV/atom, steps 30``: what sampled structures may still change before they are
candidates.

At most one per program; without it, as with `relax promising`. Both arms are treated alike. The
structures as sampled are judged first and stay as they are; then E/n + (ρ/2) ℓ² is followed
downhill over sites and cell, E the energy by the potential that judges, n the number of atoms, ℓ
the loss of the lines of the program: once with ρ = 0, which is plain relaxation, and once with
`rho`, so that a structure gives way only where little of what was asked for is lost. What comes out
is judged again, and the three are never mixed. `relax all` spends time on every structure, `relax
off` on none. From outside its settings are called `relax_rho`, `relax_steps` and so on.
"""

from __future__ import annotations

from collections.abc import Sequence

from scoutlang import ir
from scoutlang.language.checking import settings
from scoutlang.language.checking.scope import Scope
from scoutlang.language.diagnostics.messages import Message
from scoutlang.language.statements.statement import Configuring, Slip
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Name, Setting
from scoutlang.language.syntax.lexeme import Lexeme


class Relax(Configuring):
    rule = "relax"
    example = "relax rho 0.5 eV/atom, steps 30"
    once = True
    fills = ir.Relax
    one_setting = "steps 30"
    prefix = "relax_"

    which: Name | None
    settings: tuple[Setting, ...]

    @classmethod
    def slip(cls, lexemes: Sequence[Lexeme], position: int) -> Slip | None:
        first = lexemes[1].text if position > 1 else ""
        if position == 3 and first in ("promising", "all", "off"):
            return Slip(f"a comma stands after `{first}`: `relax {first}, {cls.one_setting}`")
        return super().slip(lexemes, position)

    def text(self) -> str:
        which = [] if self.which is None else [self.which.text]
        return f"relax {', '.join([*which, printer.settings(self.settings)])}".rstrip(" ,")

    def check(self, scope: Scope) -> None:
        # `relax all` is short for `relax which=all`.
        short = (
            ()
            if self.which is None
            else (Setting(self.which.span, Name(self.which.span, "which"), self.which, None),)
        )
        scope.relax = self.fills(**settings.resolve(self.rule, (*short, *self.settings), scope))
        if scope.relax.which == "off" and self.settings:
            message = Message("I060", "nothing is relaxed", "no effect after `off`")
            scope.report(message, self.settings[0].span)
