"""``sample 256 batch 32 steps 250 seed 7``: how many structures are drawn, from which model, how.

At most one per program. The first number is short for ``count``. Each structure has random
numbers of its own, from the seed and its number. Without resampling another ``batch`` changes it by
rounding only (which diffusion amplifies); with it (``guide resample``) structures are weighed
against those of their batch, and another ``batch`` gives other structures.
"""

from __future__ import annotations

from collections.abc import Sequence

from scoutlang import ir
from scoutlang.language.checking import models, settings
from scoutlang.language.checking.scope import Scope
from scoutlang.language.statements.statement import Configuring, Slip
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Name, Number, Setting
from scoutlang.language.syntax.lexeme import Lexeme


class Sample(Configuring):
    rule = "sample"
    example = "sample 256 batch 32 steps 250 seed 7"
    once = True
    fills = ir.Sample
    one_setting = "batch 32"

    count: Number | None
    settings: tuple[Setting, ...]

    @classmethod
    def slip(cls, lexemes: Sequence[Lexeme], position: int) -> Slip | None:
        slip = super().slip(lexemes, position)
        return Slip("the count is a whole number from 1") if slip and position == 1 else slip

    def text(self) -> str:
        count = [] if self.count is None else [printer.number_text(self.count)]
        return " ".join(["sample", *count, printer.settings(self.settings, " ")]).rstrip()

    def check(self, scope: Scope) -> None:
        # `sample 256` is short for `sample count=256`.
        short = (
            ()
            if self.count is None
            else (Setting(self.count.span, Name(self.count.span, "count"), self.count, None),)
        )
        values = settings.resolve(self.rule, (*short, *self.settings), scope)
        scope.sample = self.fills(**values)

    def conclude(self, scope: Scope) -> None:
        models.check({s.key.text: s.span for s in self.settings}, scope)
