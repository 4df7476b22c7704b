"""``guide k=0.8, every 2``: how strongly, when and by which method the claims steer the sampling.

At most one per program. `k` and `g` are numbers or schedules over diffusion time: ``ramp(0 ->
0.8)``, ``ramp(0 -> 0.8, cosine)``, ``piecewise(1: 0, 0.5: 0.8)``, ``constant(0.8)``.
"""

from __future__ import annotations

from dataclasses import replace

from scoutlang import ir
from scoutlang.ir.settings import settings as settings_of
from scoutlang.language.checking import settings
from scoutlang.language.checking.scope import Scope
from scoutlang.language.diagnostics.messages import Message
from scoutlang.language.statements.statement import Configuring
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Setting


class Guide(Configuring):
    rule = "guide"
    example = "guide k=0.8, from 0.9 to 0.03, every 2"
    once = True
    fills = ir.Guide
    one_setting = "k=0.8"

    settings: tuple[Setting, ...]

    def text(self) -> str:
        return f"guide {printer.settings(self.settings)}".rstrip()

    def check(self, scope: Scope) -> None:
        values = settings.resolve(self.rule, self.settings, scope)
        guide = self.fills(**values)
        if guide.every > 1 and scope.version > 1:
            guide = replace(guide, counted="crystal")
        places = {s.key.text: s.span for s in self.settings}
        if guide.since <= guide.until:
            place = places.get("from") or places.get("to") or self.span
            text = f"guidance would act from t = {guide.since:g} to {guide.until:g}"
            message = "guidance runs from noise (t = 1) to the crystal (t = 0)"
            scope.report(
                Message("E042", message, text, help="write the larger one after `from`"), place
            )
        known = "method" not in places or "method" in values
        for key, setting in settings_of(self.fills).items():
            if known and key in places and setting.only not in ("", guide.method):
                scope.report(
                    Message(
                        "I060",
                        f"{key} is used by `method {setting.only}` only",
                        f"no effect with the method `{guide.method}`",
                    ),
                    places[key],
                )
        scope.guide = guide

    def conclude(self, scope: Scope) -> None:
        guide, steps = scope.guide, scope.sample.steps
        if guide.pushes and not guide.ever_acts(steps):
            places = {s.key.text: s.span for s in self.settings}
            place = places.get("every") or places.get("from") or places.get("to") or self.span
            text = (
                f"none of the {steps} steps is at a time from {guide.since:g} to {guide.until:g}"
                + (f" and one in {guide.every}" if guide.every > 1 else "")
            )
            message = Message("W068", "the guidance never acts", text)
            scope.report(message, place)
