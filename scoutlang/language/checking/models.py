"""What a model with a known name ignores or cannot do. Other names are folders, and known only when
the run begins.
"""

from __future__ import annotations

from collections.abc import Mapping

from scoutlang.ir.known_models import KNOWN_MODELS
from scoutlang.ir.source import Span
from scoutlang.language.checking.scope import Scope
from scoutlang.language.diagnostics import messages
from scoutlang.language.diagnostics.suggest import closest


def check(places: Mapping[str, Span], scope: Scope) -> None:
    """Compare the settings of the sampler, by the names of those that are written, with its
    model.
    """
    name = scope.sample.model
    model = KNOWN_MODELS.get(name)
    if model is None:
        guess = closest(name, KNOWN_MODELS)
        if guess and "model" in places:
            scope.report(messages.unknown_model(name, guess), places["model"])
    elif "cfg" in places and not model.by_system:
        scope.report(messages.ignores_cfg(name), places["cfg"])


def check_size(least: int, most: int, span: Span, scope: Scope) -> None:
    """Compare the numbers of atoms that the place asks for with what the model makes."""
    name = scope.sample.model
    model = KNOWN_MODELS.get(name)
    if model is not None and most > model.max_atoms:
        scope.report(messages.too_many_atoms(name, model.max_atoms, least, most), span)


def check_elements(scope: Scope) -> None:
    """Compare the system with the elements that the model was trained on."""
    model = KNOWN_MODELS.get(scope.sample.model)
    unknown = [e for e in scope.system if model and model.elements and e not in model.elements]
    if unknown:
        scope.report(messages.unknown_to_model(scope.sample.model, unknown), scope.system_span)
