"""``sample 256 batch 32 steps 250 seed 7``: how many structures are drawn, from which model, how.

At most one per program. The first number is short for ``count``. Structures do not depend on ``batch``, only on the seed and their number.
"""

from __future__ import annotations

from scoutlang.frontend import formatting, settings
from scoutlang.frontend.ast import Name, Number, Parts, Setting, Statement
from scoutlang.frontend.scope import Scope
from scoutlang.frontend.settings import Real, Whole, Words
from scoutlang.ir import Sample as SampleSettings
from scoutlang.source import Span

# Setting in the language → field of ir.Sample and its kind.
SETTINGS: settings.Table = {
    "count": ("count", Whole(1, 10_000_000)),
    "batch": ("batch", Whole(1, 100_000)),
    "steps": ("steps", Whole(2, 100_000)),
    "seed": ("seed", Whole(0, 2**53)),
    "model": ("model", Words()),
    "cfg": ("cfg", Real(0, 100)),
}


class Sample(Statement):
    rule = "sample"
    example = "sample 256 batch 32 steps 250 seed 7"
    once = True

    count: Number | None
    settings: tuple[Setting, ...]

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Sample:
        return cls(span, parts.maybe(Number), parts.all(Setting))

    def text(self) -> str:
        count = [] if self.count is None else [formatting.number_text(self.count)]
        return " ".join(["sample", *count, formatting.settings(self.settings, " ")]).rstrip()

    def check(self, scope: Scope) -> None:
        # `sample 256` is short for `sample count=256`.
        short = () if self.count is None else (Setting(self.count.span, Name(self.count.span, "count"), self.count),)
        scope.sample = SampleSettings(**settings.resolve(self.rule, (*short, *self.settings), SETTINGS, scope))
