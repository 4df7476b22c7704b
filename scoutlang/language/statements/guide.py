"""``guide k=0.8, every 2``: how strongly, when and by which method the claims steer the sampling.

At most one per program. `k` and `g` are numbers or schedules over diffusion time: ``ramp(0 ->
0.8)``, ``ramp(0 -> 0.8, cosine)``, ``piecewise(1: 0, 0.5: 0.8)``, ``constant(0.8)``.
"""

from __future__ import annotations

from scoutlang.ir import Guide as GuideSettings
from scoutlang.ir.source import Span
from scoutlang.language.checking import settings
from scoutlang.language.checking.scope import Scope
from scoutlang.language.checking.settings import Choice, Entry, Real, Strength, Whole
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Parts, Setting, Statement

SETTINGS: settings.Table = {
    "method": Entry(
        "method",
        Choice("adaptive", "paper"),
        "how the gradient moves the crystal: `adaptive`, the default, or `paper`, Algorithm 2 of the paper",
    ),
    "k": Entry("k", Strength(), "strength of the push on the predicted crystal; 0 is no guidance"),
    "g": Entry("g", Strength(), "strength of the push through the score network"),
    "from": Entry(
        "since", Real(0, 1), "diffusion time from which guidance acts; 1 is noise, 0 the crystal"
    ),
    "to": Entry("until", Real(0, 1), "diffusion time until which it acts; smaller than `from`"),
    "every": Entry("every", Whole(1, 10_000), "guide every n-th step only; saves time"),
    "recur": Entry(
        "recur",
        Whole(1, 1_000),
        "how often each step is repeated with fresh noise, n_r of the paper",
    ),
    "backward": Entry(
        "backward",
        Whole(1, 1_000),
        "gradient steps on the predicted crystal in each step, n_b of the paper",
    ),
    "normalize": Entry(
        "normalize",
        Choice("structure", "batch"),
        "length of the gradient: of each `structure`, or over the whole `batch` as in the authors' code",
    ),
    "cap": Entry(
        "cap",
        Real(0, 1e6, open_low=True),
        "upper bound of strength over gradient norm, η of the paper",
    ),
    "sharpness": Entry(
        "sharpness",
        Real(0.1, 100),
        "slope of the smooth neighbour step, in 1/Å; larger is closer to the exact count",
    ),
    "types": Entry(
        "types", Real(0, 100), "how strongly the choice of elements is pushed; 0: not at all"
    ),
    "move": Entry(
        "move", Real(0, 5, open_low=True), "the most that an atom moves in one guided step, in Å"
    ),
    "strain": Entry(
        "strain", Real(0, 1, open_low=True), "the most that the cell strains in one guided step"
    ),
    "kernel": Entry(
        "kernel",
        Choice("sharp", "blurred"),
        "the neighbour step as it is, or averaged over what is still uncertain about a distance",
    ),
    "corrector": Entry(
        "corrector", Choice("guided", "plain"), "whether the Langevin corrector is guided, too"
    ),
    "existence": Entry(
        "existence",
        Real(0, 100),
        "how strongly species that the claims need and that are missing are called in; 0: not at all",
    ),
    "resample": Entry(
        "resample",
        Whole(0, 10_000),
        "how often in a run poor structures of a batch are replaced by copies of better ones; 0: never",
    ),
    "stability": Entry(
        "stability",
        Real(0, 1_000),
        "what makes a structure better: per eV/atom less above the hull, towards the end of the run",
    ),
    "reward": Entry("reward", Real(0, 1_000), "what makes a structure better: per unit less loss"),
    "offspring": Entry(
        "offspring", Whole(1, 10_000), "the most structures that may descend from one"
    ),
}

# Method → settings that only it uses.
OF_ONE_METHOD = {
    "paper": ("g", "cap", "normalize"),
    "adaptive": (
        "types",
        "move",
        "strain",
        "corrector",
        "existence",
        "resample",
        "stability",
        "reward",
        "offspring",
    ),
}


class Guide(Statement):
    rule = "guide"
    example = "guide k=0.8, from 0.9 to 0.03, every 2"
    once = True

    settings: tuple[Setting, ...]

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Guide:
        return cls(span, parts.all(Setting))

    def text(self) -> str:
        return f"guide {printer.settings(self.settings)}".rstrip()

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
        other = (
            OF_ONE_METHOD["paper" if guide.method == "adaptive" else "adaptive"]
            if method_known
            else ()
        )
        for key in other:
            if key in places:
                needed = "paper" if guide.method == "adaptive" else "adaptive"
                scope.report(
                    "I060",
                    f"{key} is used by `method {needed}` only",
                    places[key],
                    f"no effect with the method `{guide.method}`",
                )
        scope.guide = guide
