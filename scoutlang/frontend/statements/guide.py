"""``guide k=0.8, every 2``: how strongly, when and by which method the claims steer the sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from scoutlang.frontend import settings
from scoutlang.frontend.ast import Parts, Setting, Statement
from scoutlang.frontend.scope import Scope
from scoutlang.frontend.settings import Choice, Real, Strength, Whole
from scoutlang.ir import Guide as GuideSettings
from scoutlang.source import Span

# Setting in the language → field of ir.Guide and its kind.
SETTINGS: settings.Table = {
    "method": ("method", Choice("adaptive", "paper")),
    "k": ("k", Strength()),
    "g": ("g", Strength()),
    "from": ("since", Real(0, 1)),
    "to": ("until", Real(0, 1)),
    "every": ("every", Whole(1, 10_000)),
    "recur": ("recur", Whole(1, 1_000)),
    "backward": ("backward", Whole(1, 1_000)),
    "normalize": ("normalize", Choice("structure", "batch")),
    "cap": ("cap", Real(0, 1e6, open_low=True)),
}


@dataclass(frozen=True)
class Guide(Statement):
    rule = "guide"
    example = "guide k=0.8, from 0.9 to 0.03, every 2"
    once = True

    settings: tuple[Setting, ...]

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        return cls(span, parts.all(Setting))

    def check(self, scope: Scope) -> None:
        values = settings.resolve(self.rule, self.settings, SETTINGS, scope)
        guide = GuideSettings(**values)
        places = {s.key.text: s.span for s in self.settings}
        if guide.since <= guide.until:
            place = places.get("from") or places.get("to") or self.span
            text = f"guidance would act from t = {guide.since:g} to {guide.until:g}"
            message = "guidance runs from noise (t = 1) to the crystal (t = 0)"
            scope.report("E042", message, place, text, help="write the larger one after `from`")
        method_known = "method" not in places or "method" in values
        if "g" in places and method_known and guide.method == "adaptive":
            scope.report("I060", "g is used by `method paper` only", places["g"], "no effect with the method `adaptive`")
        scope.guide = guide
