"""What a model with a known name ignores or cannot do. Other names are folders, and known only when
the run begins.
"""

from __future__ import annotations

from collections.abc import Mapping

from scoutlang.ir.known_models import KNOWN_MODELS
from scoutlang.ir.source import Span
from scoutlang.language.checking.scope import Scope
from scoutlang.language.diagnostics.suggest import closest, quoted


def check(places: Mapping[str, Span], scope: Scope) -> None:
    """Compare the settings of the sampler, by the names of those that are written, with its model."""
    name = scope.sample.model
    model = KNOWN_MODELS.get(name)
    if model is None:
        guess = closest(name, KNOWN_MODELS)
        if guess and "model" in places:
            text = f"did you mean `{guess}`? Other names are checkpoint folders"
            scope.report("W063", f"no model is known as {quoted(name)}", places["model"], text)
    elif "cfg" in places and not model.by_system:
        text = "it is not conditioned on the chemical system"
        scope.report("I061", f"`{name}` ignores `cfg`", places["cfg"], text)


def check_size(least: int, span: Span, scope: Scope) -> None:
    """Compare the number of atoms that the place asks for at least with what the model makes."""
    name = scope.sample.model
    model = KNOWN_MODELS.get(name)
    if model is not None and least > model.max_atoms:
        message = f"the model `{name}` makes cells of up to {model.max_atoms} atoms"
        scope.report("W062", message, span, f"this asks for {least} or more")
