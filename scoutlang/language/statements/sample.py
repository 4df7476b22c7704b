"""``sample 256 batch 32 steps 250 seed 7``: how many structures are drawn, from which model, how.

At most one per program. The first number is short for ``count``. Each structure has random
numbers of its own, from the seed and its number, so another ``batch`` changes it by rounding only
(which diffusion amplifies).
"""

from __future__ import annotations

from scoutlang.ir import Sample as SampleSettings
from scoutlang.ir.source import Span
from scoutlang.language.checking import settings
from scoutlang.language.checking.scope import Scope
from scoutlang.language.checking.settings import Entry, Real, Whole, Words
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Name, Number, Parts, Setting, Statement

SETTINGS: settings.Table = {
    "count": Entry(
        "count",
        Whole(1, 10_000_000),
        "structures in each arm; the first number of the statement is short for it",
    ),
    "batch": Entry(
        "batch",
        Whole(1, 100_000),
        "structures sampled together; a matter of memory and speed, not of statistics",
    ),
    "steps": Entry(
        "steps", Whole(2, 100_000), "diffusion steps; more are slower and a little better"
    ),
    "seed": Entry("seed", Whole(0, 2**53), "the same seed gives the same structures"),
    "model": Entry(
        "model",
        Words(),
        "the model to sample from: `mini`, the name of a published checkpoint, or the path of a checkpoint folder in quotes",
    ),
    "cfg": Entry(
        "cfg",
        Real(0, 100),
        "factor of the classifier-free guidance towards the chemical system; the paper uses 2 with the published checkpoint",
    ),
    "corrector": Entry(
        "corrector",
        Whole(0, 100),
        "Langevin steps after each diffusion step, n_c of the paper; if not given what suits the model",
    ),
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
        count = [] if self.count is None else [printer.number_text(self.count)]
        return " ".join(["sample", *count, printer.settings(self.settings, " ")]).rstrip()

    def check(self, scope: Scope) -> None:
        # `sample 256` is short for `sample count=256`.
        short = (
            ()
            if self.count is None
            else (Setting(self.count.span, Name(self.count.span, "count"), self.count),)
        )
        scope.sample = SampleSettings(
            **settings.resolve(self.rule, (*short, *self.settings), SETTINGS, scope)
        )
