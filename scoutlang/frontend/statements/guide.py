"""``guide k=0.8, every 2``: how strongly, when and by which method the claims steer the sampling.

At most one per program. `k` and `g` are numbers or schedules over diffusion time: ``ramp(0 -> 0.8)``, ``ramp(0 -> 0.8, cosine)``,
``piecewise(1: 0, 0.5: 0.8)``, ``constant(0.8)``.
"""

from __future__ import annotations

from scoutlang.frontend import formatting, settings
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
    "sharpness": ("sharpness", Real(0.1, 100)),
    "types": ("types", Real(0, 100)),
    "move": ("move", Real(0, 5, open_low=True)),
    "strain": ("strain", Real(0, 1, open_low=True)),
}

_OF_ONE_METHOD = {"paper": ("g", "cap", "normalize"), "adaptive": ("types", "move", "strain")}


class Guide(Statement):
    rule = "guide"
    example = "guide k=0.8, from 0.9 to 0.03, every 2"
    once = True

    settings: tuple[Setting, ...]

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Guide:
        return cls(span, parts.all(Setting))

    def text(self) -> str:
        return f"guide {formatting.settings(self.settings)}".rstrip()

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
        other = _OF_ONE_METHOD["paper" if guide.method == "adaptive" else "adaptive"] if method_known else ()
        for key in other:
            if key in places:
                needed = "paper" if guide.method == "adaptive" else "adaptive"
                scope.report("I060", f"{key} is used by `method {needed}` only", places[key], f"no effect with the method `{guide.method}`")
        scope.guide = guide
