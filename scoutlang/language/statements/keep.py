"""``keep "host.cif"``: a crystal whose sites and lattice every sampled one has.

At most one per program. The sites of the CIF stand first in every crystal, with the elements that
they have there, which belong to the system, and the sampler finds the rest: `atoms` counts all.
Without `atoms` the sizes are drawn as the model has learnt them, larger than the host.
``keep "host.cif" sites`` keeps the fractional coordinates only, and the lattice is found with the
rest. As sampled the kept part is that of the file to 1e-4 Å; relaxing moves it with all other
atoms. The cell of the file is taken as it is. Not together with `symmetry` or `start`.
"""

from __future__ import annotations

from scoutlang import ir
from scoutlang.language.checking.scope import Scope
from scoutlang.language.diagnostics.messages import Message
from scoutlang.language.diagnostics.suggest import quoted
from scoutlang.language.statements.statement import Statement
from scoutlang.language.syntax.ast import Name, Text

CRYSTALS = (".cif",)


class Keep(Statement):
    rule = "keep"
    example = 'keep "host.cif"'
    once = True
    since = 1.1
    precedence = 3

    host: Text
    part: Name | None

    def text(self) -> str:
        return f'keep "{self.host.text}"{f" {self.part.text}" if self.part else ""}'

    def check(self, scope: Scope) -> None:
        if self.part is not None and self.part.text != "sites":
            text = "nothing for sites and lattice, `sites` for the sites only"
            scope.report(
                Message("E083", f"{quoted(self.part.text)} is no part of a crystal", text),
                self.part.span,
            )
            return
        host = scope.files.text(self.host, CRYSTALS, scope)
        if host is not None:
            scope.keep = ir.Keep(host, lattice=self.part is None)

    def conclude(self, scope: Scope) -> None:
        if scope.symmetry is not None or scope.start is not None:
            other = "symmetry" if scope.symmetry is not None else "start"
            text = f"a program has `keep` or `{other}`, not both"
            scope.report(Message("E083", f"`keep` does not go with `{other}`", text), self.span)
