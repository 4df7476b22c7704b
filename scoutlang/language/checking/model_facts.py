"""What a model with a known name ignores or cannot do. Other names are folders, and known only when
the run begins.
"""

from __future__ import annotations

from scoutlang.ir.known_models import KNOWN_MODELS
from scoutlang.ir.source import Span
from scoutlang.language.checking.scope import Scope
from scoutlang.language.diagnostics import Diagnostic, Label
from scoutlang.language.diagnostics.suggest import closest, quoted
from scoutlang.language.syntax.ast import Setting, Statement


def check(scope: Scope) -> None:
    """Compare a program that is otherwise right with its model."""
    name = scope.sample.model
    places = {
        s.key.text: s.span
        for statement in scope.statements
        if statement.rule == "sample"
        for s in _settings(statement)
    }
    model = KNOWN_MODELS.get(name)
    if model is None:
        guess = closest(name, KNOWN_MODELS)
        if guess and "model" in places:
            text = f"did you mean `{guess}`? Other names are checkpoint folders"
            scope.report("W063", f"no model is known as {quoted(name)}", places["model"], text)
        return
    if "cfg" in places and not model.by_system:
        scope.report(
            "I061",
            f"`{name}` ignores `cfg`",
            places["cfg"],
            "it is not conditioned on the chemical system",
        )
    unit = sum(count for _, count in scope.formula or ())
    for rule, least in (("atoms", scope.atoms.low if scope.atoms else 0), ("formula", unit)):
        if least > model.max_atoms:
            message = f"the model `{name}` makes cells of up to {model.max_atoms} atoms"
            scope.report("W062", message, _place(rule, scope), f"this asks for {least} or more")
    missing = [e for e in scope.system if scope.formula and e not in dict(scope.formula)]
    if missing:
        message = f"{', '.join(missing)} of the system {'is' if len(missing) == 1 else 'are'} not in the formula"
        scope.diagnostics.append(
            Diagnostic("W064", message, Label(_place("formula", scope), "no crystal will hold it"))
        )


def _settings(statement: Statement) -> tuple[Setting, ...]:
    return getattr(statement, "settings", ())


def _place(rule: str, scope: Scope) -> Span:
    return next(s.span for s in scope.statements if s.rule == rule)
